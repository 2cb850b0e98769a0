from typing import Any

from numpy import int32
from numpy.typing import ArrayLike, NDArray

def bins_of(rows: NDArray[Any], last: ArrayLike, numbers: ArrayLike, places: ArrayLike) -> NDArray[int32]: ...

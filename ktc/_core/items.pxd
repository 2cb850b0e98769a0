# Which coverage each item is part of, from the records of input/items.bin.
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from ktc._core cimport records as rec
from ktc._core.io cimport Mapped
from ktc._core.memory cimport allot


# The coverage id by item id, from 1, for the caller to free; n becomes the number of items. Items must run
# from 1 without a gap and be part of coverages 1 .. n_coverages: DataError. areaperil: bytes of an areaperil
# id.
cdef inline int32_t *coverages_of_items(Mapped items, int areaperil, int64_t n_coverages,
                                        int64_t *n) except NULL:
    cdef int64_t i, size = sizeof(rec.items_u8) if areaperil == 8 else sizeof(rec.items_u4)
    cdef const rec.items_u4 *item                               # both widths begin alike
    cdef int32_t *coverage_of
    n[0] = items.records(size, "a record")
    coverage_of = <int32_t *>allot(n[0] + 1, sizeof(int32_t))
    try:
        for i in range(n[0]):
            item = <const rec.items_u4 *>(items.data + i * size)
            if item.item_id != i + 1:
                items.fail(i * size,
                           f"record {i + 1}: item {item.item_id}, expected {i + 1}: items run from 1 "
                                     "without a gap")
            if not 1 <= item.coverage_id <= n_coverages:
                items.fail(i * size,
                           f"record {i + 1}: item {item.item_id} is part of coverage {item.coverage_id}, "
                                     f"expected 1 to {n_coverages}")
            coverage_of[i + 1] = item.coverage_id
    except BaseException:
        free(coverage_of)
        raise
    return coverage_of

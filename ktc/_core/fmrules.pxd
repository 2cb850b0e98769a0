# The calculation rules of the financial module on LANES samples at a time (see fmrules.pyx).
from libc.stdint cimport int32_t

from ktc._core.lanes cimport LANES

cdef enum:
    FIELDS = 5                      # of Amounts; fmrules.pyx holds it against them


# The terms of a profile, or of one step of a stepped profile. A term that the files give as -1 or less counts
# as 0.
cdef struct Terms:
    int32_t rule                    # calcrule_id
    int32_t step                    # step_id, in a stepped profile
    float deductible1
    float deductible2               # minimum deductible
    float deductible3               # maximum deductible
    float attachment
    float limit1                    # limit, in fm_profile
    float share1
    float share2
    float share3
    float trigger_start
    float trigger_end
    float payout_start
    float payout_end                # no rule reads it
    float limit2
    float scale1
    float scale2


# One node of a programme (an aggregate of one level, in one layer) in LANES samples: what the level below
# handed on, and after apply() what it hands on itself.
cdef struct Amounts:
    float loss[LANES]
    float retained[LANES]           # retained loss: what has not been paid so far
    float deductible[LANES]         # effective deductible: what deductibles took off
    float over_limit[LANES]         # by how much limits below were exceeded
    float under_limit[LANES]        # by how much the loss can grow before a limit below binds


# Apply the terms of a profile (steps of them if stepped, else one) to every lane whose loss or retained loss
# is above 0. previous_retained is the same node's retained loss in the layer before, NULL in the first layer;
# tiv is the node's. Unless `carried`, only loss and retained loss are read and set: the others depend on
# them, not they on the others where no rule has a minimum or maximum deductible.
cdef void apply(const Terms *terms, Py_ssize_t steps, bint stepped, bint carried, Amounts *node,
                const float *previous_retained, float tiv) noexcept nogil

# Make terms as the files give them ready for apply().
cdef void clean(Terms *terms) noexcept nogil

# Is there such a rule: for a stepped profile, or for one without steps?
cdef bint known(int32_t rule, bint stepped) noexcept nogil

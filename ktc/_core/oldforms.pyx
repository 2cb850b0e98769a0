"""Binary tables in an older form, as today's.

    policy terms    { policytc_id calcrule_id allocrule_id ccy_id terms x 8 } ...  ->  { profile_id
                    calcrule_id terms x 8 } ...
    footprint       header | records of an event | ...  ->  header | the same, deflated | ...  and an index of
                    the new places
"""
import zlib

from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from ktc._core cimport records as rec
from ktc._core.io cimport Sink, Source
from ktc._core.tables cimport TableReader

from ktc.schemas import TABLES

cdef extern from "Python.h":
    int PyBUF_READ

cdef enum:
    RULES = 64                      # calculation rules 0 .. 63 can be stated
    MOVES = 8 * RULES


# A term: its offset in the old record and in the new one.
cdef struct Move:
    size_t old, new


def offsets(table):
    """{field: its offset} of a record without areaperil ids."""
    at, found = 0, {}
    for field in table.fields:
        found[field.name] = at
        at += field.width()
    return found


def convert_profiles(Source source not None, Sink sink not None):
    """fm_profile_old records to fm_profile records: each term goes where its calculation rule wants it, the
    others are 0."""
    cdef Move move[MOVES]
    cdef int first[RULES + 1]       # of a rule's moves
    cdef rec.fm_profile_old old
    cdef rec.fm_profile new
    cdef float term
    cdef int k, rule, n = 0
    terms = TABLES["fm_profile_old"].terms
    old_at, new_at = offsets(TABLES["fm_profile_old"]), offsets(TABLES["fm_profile"])
    for rule in range(RULES):
        first[rule] = n
        for to, from_ in terms.get(rule, {}).items():
            move[n].old, move[n].new = old_at[from_], new_at[to]
            n += 1
    first[RULES] = n
    with nogil:
        while source.ready(1):
            memcpy(&old, source.take(sizeof(old), b"a record"), sizeof(old))
            memset(&new, 0, sizeof(new))
            rule = old.calcrule_id
            if rule < 0 or rule >= RULES or first[rule] == first[rule + 1]:
                with gil:
                    source.fail(source.offset() - sizeof(old) + sizeof(old.policytc_id),
                                f"policy terms {old.policytc_id} have calculation rule {rule}, expected one "
                                f"of {', '.join(map(str, terms))}")
            new.profile_id, new.calcrule_id = old.policytc_id, rule
            for k in range(first[rule], first[rule + 1]):
                memcpy(&term, <char *>&old + move[k].old, sizeof(term))
                if isnan(term):
                    with gil:
                        source.fail(source.offset() - sizeof(old) + move[k].old,
                                    f"a term of policy terms {old.policytc_id} is not a number")
                memcpy(<char *>&new + move[k].new, &term, sizeof(term))
            sink.write(&new, sizeof(new))


cdef class RecordPacker(TableReader):
    """A TableReader that deflates each key's records in place of writing csv, with an entry in `index` for
    each."""
    cdef public Sink index

    cdef int write_records(self, const char *record, int64_t n) except -1 nogil:
        cdef rec.footprint_index entry
        entry.event_id, entry.offset = <int32_t>self.lead, self.sink.offset()
        with gil:
            packed = zlib.compress(PyMemoryView_FromMemory(<char *>record, n * self.layout.size, PyBUF_READ))
            self.sink.write(<const char *><bytes>packed, len(packed))
        entry.size = self.sink.offset() - entry.offset
        return self.index.write(&entry, sizeof(entry))

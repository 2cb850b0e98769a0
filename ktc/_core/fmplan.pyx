"""A financial-module programme, compiled: fm_programme, fm_policytc, fm_profile(_step) and fm_xref as flat
arrays.

    items ----> level 1 ----> level 2 ----> ... ----> last level ----> output ids
           parent        parent                parent          (layers 1, 2, ...)

Every item belongs to one aggregate of level 1, every aggregate to one of the level above. An aggregate has
one or more layers, and each layer the terms of a profile: a calculation rule and its numbers, or several as
steps. On the highest level that fm_policytc names, an aggregate that lacks layers which others have gets them
without terms: losses pass as they are. A layer that fm_xref does not name is calculated like any other, and
does not go out.

A plan is checked when it is built and not changed afterwards, so that any number of threads may share it.
"""
from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX
from libc.stdlib cimport free

from ktc._core cimport fmrules
from ktc._core cimport records as rec
from ktc._core.items cimport coverages_of_items
from ktc._core.memory cimport allot
from ktc._core.numbers cimport checked, tolerance_of

from ktc.errors import DataError, UsageError

from ktc._core import fmrules as _rules

cdef enum:
    MOST_LAYERS = 32767
    MOST_DOUBTS = 20


cdef class Plan:
    """A programme of insurance or reinsurance, compiled and ready to be calculated.

    ktc.read_plan makes one of a folder. Nothing changes it afterwards: any number of stages and threads may
    share it.

    Parameters
    ----------
    programme, policytc, profile : Mapped
        The records of fm_programme, fm_policytc and fm_profile (fm_profile_step if stepped).
    xref : Mapped, optional
        Those of fm_xref. Without them a programme of one layer numbers its outputs as its items or
        aggregates.
    coverages, items : Mapped, optional
        The TIVs (float32, in currency, by coverage) and the items, for terms that depend on TIV; without them
        TIV is 0.
    max_level : int, optional
        Leave out the levels above.
    stepped : bool, default False
        Profiles have steps.
    areaperil : {4, 8}, default 4
        Bytes of an areaperil id in items.
    exact : bool, default False
        Add TIVs up in double.

    Attributes
    ----------
    n_levels : int
        Levels above the items: 1, 2, ... n_levels.
    layers : int
        The most layers that an aggregate has.
    stepped : bool
        Whether profiles have steps.
    exposed : bool
        Whether TIVs are known.
    programme : str
        The name of fm_programme's file.
    doubts : list of str
        What is defined and perhaps not meant, a line each.

    Raises
    ------
    DataError
        With file and record: ids out of range; a level without records; an aggregate that is part of none or
        of two others, or has no terms; a profile that does not exist or has an unknown rule; a term that is
        not a number; an fm_xref without any output id; items without a coverage or a finite TIV.
    UsageError
        A max_level below 1.

    Examples
    --------
    >>> import ktc
    >>> plan = ktc.read_plan("input")
    >>> plan
    <Plan: 3 levels, 690 items, 2 layers, 24 profiles>
    >>> plan.n_levels, plan.layers, plan.exposed
    (3, 2, True)
    """

    def __cinit__(self, Mapped programme not None, Mapped policytc not None, Mapped profile not None,
                  Mapped xref=None, *, Mapped coverages=None, Mapped items=None, max_level=None,
                  bint stepped=False, int areaperil=4, bint exact=False):
        if max_level is not None and not 1 <= max_level <= INT32_MAX:
            raise UsageError(f"the last level to calculate is {max_level}, expected 1 or more")
        self.stepped, self.programme, self.doubts = stepped, programme.name, []
        self.load_programme(programme, max_level or INT32_MAX)
        self.load_policies(programme, policytc, profile, self.load_profiles(profile), max_level or INT32_MAX)
        if coverages is not None:
            self.load_exposure(programme, coverages, items, areaperil, tolerance_of(exact))
        if xref is not None:
            self.load_outputs(xref)
        elif self.layers > 1:
            raise DataError(f"{policytc.name}: the programme has {self.layers} layers: fm_xref must number "
                            f"their outputs")

    def __dealloc__(self):
        cdef int32_t i
        if self.level != NULL:
            for i in range(self.last_level + 1):
                free(self.level[i].parent)
                free(self.level[i].layer_count)
                free(self.level[i].profile)
                free(self.level[i].tiv)
        free(self.level)
        if self.outputs != NULL:
            for i in range(1, self.layers + 1):
                free(self.outputs[i].id)
        free(self.outputs)
        free(self.terms)
        free(self.profile)

    # Building

    cdef int load_programme(self, Mapped programme, int32_t max_level) except -1:
        """Who is part of whom."""
        cdef int64_t i, n = programme.records(sizeof(rec.fm_programme), "a record")
        cdef const rec.fm_programme *record = <const rec.fm_programme *>programme.data
        cdef Level *level
        cdef int32_t l, last = 0
        cdef int32_t *parent
        for i in range(n):
            programme.check_id(i, sizeof(record[i]), n, max(record[i].from_agg_id, record[i].to_agg_id))
            if record[i].from_agg_id < 1 or record[i].level_id < 1 or record[i].to_agg_id < 1:
                programme.fail(i * sizeof(record[i]),
                               f"record {i + 1}: aggregate {record[i].from_agg_id} is part of aggregate "
                               f"{record[i].to_agg_id} of level {record[i].level_id}: expected ids of 1 or "
                               f"more")
            if record[i].level_id <= max_level:
                last = max(last, record[i].level_id)
        if last == 0:
            raise DataError(f"{programme.name}: no levels: expected records of level 1")
        if last > n:
            raise DataError(f"{programme.name}: level {last} in {n} records: expected records of every level "
                            f"from 1")
        self.level = <Level *>allot(<int64_t>last + 1, sizeof(Level))
        self.last_level = last
        present = bytearray(last + 1)
        for i in range(n):
            if record[i].level_id <= last:
                present[record[i].level_id] = True
                level = &self.level[record[i].level_id]
                level.last = max(level.last, record[i].to_agg_id)
                level = &self.level[record[i].level_id - 1]
                level.last = max(level.last, record[i].from_agg_id)
        for l in range(1, last + 1):
            if not present[l]:
                raise DataError(f"{programme.name}: no records of level {l}: expected every level from 1 to "
                                f"{last}")
        for l in range(last):
            self.level[l].parent = <int32_t *>allot(<int64_t>self.level[l].last + 1, sizeof(int32_t))
        for i in range(n):
            if record[i].level_id > last:
                continue
            parent = &self.level[record[i].level_id - 1].parent[record[i].from_agg_id]
            if parent[0] and parent[0] != record[i].to_agg_id:
                child = self.called(record[i].level_id - 1, record[i].from_agg_id)
                programme.fail(i * sizeof(record[i]),
                               f"record {i + 1}: {child} is part of aggregate {record[i].to_agg_id} of level "
                               f"{record[i].level_id}, but of aggregate {parent[0]} in a record before")
            parent[0] = record[i].to_agg_id
        for i in range(n):
            l = record[i].level_id
            if l < last and self.level[l].parent[record[i].to_agg_id] == 0:
                programme.fail(i * sizeof(record[i]),
                               f"record {i + 1}: aggregate {record[i].to_agg_id} of level {l} is part of no "
                               f"aggregate: expected a record from {record[i].to_agg_id} of level {l + 1}")
        return 0

    def called(self, level, agg_id):
        """What messages call an aggregate."""
        return f"aggregate {agg_id} of level {level}" if level else f"item {agg_id}"

    cdef dict load_profiles(self, Mapped profiles):
        """Terms by profile: those of the last record of an id or, stepped, of all its records. Gives these
        records."""
        cdef size_t size = sizeof(rec.fm_profile_step) if self.stepped else sizeof(rec.fm_profile)
        cdef int64_t i, place = 0, n = profiles.records(size, "a record")
        cdef const rec.fm_profile *plain
        cdef const rec.fm_profile_step *step
        cdef Terms *terms
        cdef Profile *profile
        records_of = {}                                 # by profile_id
        for i in range(n):
            plain = <const rec.fm_profile *>(profiles.data + i * size)      # both forms begin alike
            records = records_of.setdefault(plain.profile_id, [])
            if not self.stepped:
                records.clear()
            records.append(i)
        if n >= INT32_MAX:
            raise DataError(f"{profiles.name}: {n} records: expected fewer than {INT32_MAX}")
        self.terms = <Terms *>allot(n, sizeof(Terms))
        self.profile = <Profile *>allot(len(records_of) + 1, sizeof(Profile))
        for id, records in records_of.items():
            self.n_profiles += 1
            profile = &self.profile[self.n_profiles]
            profile.id, profile.start, profile.steps, profile.idle = id, place, len(records), True
            for i in records:
                plain = <const rec.fm_profile *>(profiles.data + i * size)
                terms = &self.terms[place]
                place += 1
                terms.rule = plain.calcrule_id
                terms.deductible1, terms.deductible2 = plain.deductible1, plain.deductible2
                terms.deductible3, terms.attachment = plain.deductible3, plain.attachment
                terms.limit1, terms.share1 = plain.limit, plain.share1
                terms.share2, terms.share3 = plain.share2, plain.share3
                if self.stepped:
                    step = <const rec.fm_profile_step *>plain
                    terms.step = step.step_id
                    terms.trigger_start, terms.trigger_end = step.trigger_start, step.trigger_end
                    terms.payout_start, terms.payout_end = step.payout_start, step.payout_end
                    terms.limit2, terms.scale1, terms.scale2 = step.limit2, step.scale1, step.scale2
                for value in (terms.deductible1, terms.deductible2, terms.deductible3, terms.attachment,
                              terms.limit1, terms.share1, terms.share2, terms.share3,
                              terms.trigger_start, terms.trigger_end, terms.payout_start, terms.payout_end,
                              terms.limit2, terms.scale1, terms.scale2):
                    if value != value:
                        profiles.fail(i * size, f"record {i + 1}: a term of profile {id} is not a number")
                fmrules.clean(terms)
                profile.idle = profile.idle and terms.rule == 100
            profile.zero = not self.stepped and terms.rule == 14 and terms.limit1 == 0
        return records_of

    cdef int load_policies(self, Mapped programme, Mapped policytc, Mapped profiles, dict records_of,
                           int32_t max_level) except -1:
        """Which terms apply where."""
        cdef int64_t i, place, n = policytc.records_before_padding(sizeof(rec.fm_policytc))
        cdef const rec.fm_policytc *record = <const rec.fm_policytc *>policytc.data
        cdef size_t size = sizeof(rec.fm_profile_step) if self.stepped else sizeof(rec.fm_profile)
        cdef Level *level
        cdef Terms *terms
        cdef int32_t l, k, highest = 0, last_agg = 0
        number_of = {id: k for k, id in enumerate(records_of, 1)}
        seen = set()
        for i in range(n):
            if record[i].level_id < 1 or record[i].agg_id < 1 or not 1 <= record[i].layer_id <= MOST_LAYERS:
                policytc.fail(i * sizeof(record[i]),
                              f"record {i + 1}: layer {record[i].layer_id} of aggregate {record[i].agg_id} "
                              f"of level {record[i].level_id}: expected ids of 1 or more, and {MOST_LAYERS} "
                              "layers at most")
            if record[i].level_id > highest:
                highest, last_agg = record[i].level_id, 0
            if record[i].level_id == highest:
                last_agg = max(last_agg, record[i].agg_id)
            if record[i].level_id <= max_level:
                self.layers = max(self.layers, record[i].layer_id)
            if record[i].level_id <= self.last_level:
                level = &self.level[record[i].level_id]
                level.layers = max(level.layers, record[i].layer_id)
        for l in range(1, self.last_level + 1):
            level = &self.level[l]
            level.layer_count = <int32_t *>allot(<int64_t>level.last + 1, sizeof(int32_t))
            level.profile = <int32_t *>allot(level.layers * (<int64_t>level.last + 1), sizeof(int32_t))
        for i in range(n):
            l = record[i].level_id
            if l > self.last_level or record[i].agg_id > self.level[l].last:
                continue                                # not in the programme
            level = &self.level[l]
            id = record[i].profile_id
            number = number_of.get(id) if id > 0 else None
            if number is None:
                policytc.fail(i * sizeof(record[i]),
                              f"record {i + 1}: profile {id} of aggregate {record[i].agg_id} of level "
                              f"{l}, layer {record[i].layer_id}, is not in {profiles.name}")
            k = number
            if k not in seen:
                seen.add(k)
                for at, terms_record in enumerate(records_of[id]):
                    terms = &self.terms[self.profile[k].start + <int64_t>at]
                    if not fmrules.known(terms.rule, self.stepped):
                        profiles.fail(terms_record * size,
                                      f"record {terms_record + 1}: profile {id} has calculation rule "
                                      f"{terms.rule}, expected {self.rules_known()}")
                    self.carried |= terms.rule in _rules.CARRIED
            place = (record[i].layer_id - 1) * (<int64_t>level.last + 1) + record[i].agg_id
            if level.profile[place] and level.profile[place] != k:
                self.doubt(policytc, i * sizeof(record[i]),
                           f"record {i + 1}: layer {record[i].layer_id} of aggregate "
                           f"{record[i].agg_id} of level {l} has profile {id}, and profile "
                           f"{self.profile[level.profile[place]].id} in a record before: the last one counts")
            level.profile[place] = k
            level.layer_count[record[i].agg_id] = max(level.layer_count[record[i].agg_id], record[i].layer_id)
        self.check_policies(programme, policytc, highest, last_agg)
        return 0

    cdef int check_policies(self, Mapped programme, Mapped policytc, int32_t highest,
                            int32_t last_agg) except -1:
        """Every aggregate has terms. On the highest level of fm_policytc all up to its last aggregate have as
        many layers as any, with terms or without."""
        cdef int64_t i, n = programme.records(sizeof(rec.fm_programme), "a record")
        cdef const rec.fm_programme *record = <const rec.fm_programme *>programme.data
        cdef Level *level
        for i in range(n):
            if record[i].level_id > self.last_level:
                continue
            level = &self.level[record[i].level_id]
            if (record[i].to_agg_id > last_agg if record[i].level_id == highest else
                    level.profile[record[i].to_agg_id] == 0):
                programme.fail(i * sizeof(record[i]),
                               f"record {i + 1}: aggregate {record[i].to_agg_id} of level "
                               f"{record[i].level_id} has no terms in {policytc.name}: expected a record of "
                               f"its layer 1")
            if record[i].level_id == highest:
                if level.layer_count[record[i].to_agg_id] < level.layers:
                    self.doubt(programme, i * sizeof(record[i]),
                               f"record {i + 1}: aggregate {record[i].to_agg_id} of level {highest} has "
                               f"terms for {level.layer_count[record[i].to_agg_id]} of {level.layers} layers "
                               f"in {policytc.name}: its losses pass through the others as they are")
                level.layer_count[record[i].to_agg_id] = level.layers
        return 0

    cdef int doubt(self, Mapped file, int64_t offset, str message) except -1:
        if len(self.doubts) < MOST_DOUBTS:
            self.doubts.append(f"{file.name}: byte {offset}: {message}")
        return 0

    def rules_known(self):
        """The calculation rules there are, for messages."""
        return "one of " + ", ".join(str(rule) for rule in sorted(_rules.STEPPED if self.stepped
                                                                  else _rules.PLAIN))

    cdef int load_exposure(self, Mapped programme, Mapped coverages, Mapped items, int areaperil,
                           double tolerance) except -1:
        """The TIV of an aggregate is the sum over the coverages that its items belong to, each counted once.
        """
        cdef int64_t i, k, n, n_coverages = coverages.records(sizeof(float), "a record")
        cdef int64_t n_programme = programme.records(sizeof(rec.fm_programme), "a record")
        cdef const rec.fm_programme *record = <const rec.fm_programme *>programme.data
        cdef const float *tiv = <const float *>coverages.data
        cdef int32_t *coverage_of = NULL
        cdef int64_t *end = NULL                        # by coverage: where its items end in item_of
        cdef int32_t *item_of = NULL
        cdef int32_t *aggregate = NULL                  # by item, on the level at hand
        cdef int32_t *counted = NULL                    # by aggregate: the last coverage that was added
        cdef double *right = NULL                       # by aggregate: the sum in double
        cdef int32_t l, id, coverage
        try:
            coverage_of = coverages_of_items(items, areaperil, n_coverages, &n)
            if n_coverages >= INT32_MAX or n >= INT32_MAX:
                raise DataError(f"{items.name}: more items or coverages than ids")
            for i in range(n_programme):
                if record[i].level_id == 1 and record[i].from_agg_id > n:
                    programme.fail(i * sizeof(record[i]),
                                   f"record {i + 1}: item {record[i].from_agg_id} is not in "
                                   f"{items.name}: expected 1 to {n}")
            end = <int64_t *>allot(n_coverages + 2, sizeof(int64_t))
            item_of = <int32_t *>allot(n, sizeof(int32_t))
            aggregate = <int32_t *>allot(n + 1, sizeof(int32_t))
            for i in range(1, n + 1):
                coverage = coverage_of[i]
                if not 0 <= tiv[coverage - 1] < INFINITY:
                    coverages.fail((coverage - 1) * sizeof(float),
                                   f"record {coverage}: a TIV of {tiv[coverage - 1]}, expected 0 or more")
                end[coverage + 1] += 1
            for i in range(2, n_coverages + 2):
                end[i] += end[i - 1]
            for i in range(1, n + 1):
                item_of[end[coverage_of[i]]] = <int32_t>i
                end[coverage_of[i]] += 1
                aggregate[i] = <int32_t>i
            self.level[0].tiv = <float *>allot(<int64_t>self.level[0].last + 1, sizeof(float))
            for l in range(self.last_level + 1):
                counted = <int32_t *>allot(<int64_t>self.level[l].last + 1, sizeof(int32_t))
                right = <double *>allot(<int64_t>self.level[l].last + 1, sizeof(double))
                if l:
                    self.level[l].tiv = <float *>allot(<int64_t>self.level[l].last + 1, sizeof(float))
                for coverage in range(1, <int32_t>n_coverages + 1):
                    # in ascending order of coverages, as ktools adds them
                    for k in range(end[coverage - 1], end[coverage]):
                        id = item_of[k]
                        if l:
                            i = aggregate[id]
                            aggregate[id] = self.level[l - 1].parent[i] if i <= self.level[l - 1].last else 0
                        i = aggregate[id]
                        if 0 < i <= self.level[l].last and counted[i] != coverage:
                            counted[i] = coverage
                            self.level[l].tiv[i] += tiv[coverage - 1]
                            right[i] += tiv[coverage - 1]
                for i in range(<int64_t>self.level[l].last + 1):
                    self.level[l].tiv[i] = checked(self.level[l].tiv[i], right[i], tolerance)
                free(counted)
                free(right)
                counted, right = NULL, NULL
        finally:
            free(coverage_of)
            free(end)
            free(item_of)
            free(aggregate)
            free(counted)
        self.exposed = True
        return 0

    cdef int load_outputs(self, Mapped xref) except -1:
        """What goes out under which id."""
        cdef int64_t i, n = xref.records_before_padding(sizeof(rec.fm_xref))
        cdef const rec.fm_xref *record = <const rec.fm_xref *>xref.data
        cdef OutputIds *output
        cdef int32_t j
        cdef bint named = False
        self.outputs = <OutputIds *>allot(<int64_t>self.layers + 1, sizeof(OutputIds))
        for i in range(n):
            if record[i].output_id < 1 or record[i].agg_id < 1 or record[i].layer_id < 1:
                xref.fail(i * sizeof(record[i]),
                          f"record {i + 1}: output {record[i].output_id} is layer {record[i].layer_id} "
                          f"of {record[i].agg_id}: expected ids of 1 or more")
            if record[i].layer_id <= self.layers:
                output = &self.outputs[record[i].layer_id]
                xref.check_id(i, sizeof(record[i]), n, record[i].agg_id)
                output.last = max(output.last, record[i].agg_id)
                named = True
        if not named:
            raise DataError(f"{xref.name}: no output ids of a layer of the programme (1 to {self.layers}): "
                            "expected a record for each that is to be written")
        for j in range(1, self.layers + 1):
            self.outputs[j].id = <int32_t *>allot(<int64_t>self.outputs[j].last + 1, sizeof(int32_t))
        for i in range(n):
            if record[i].layer_id <= self.layers:
                self.outputs[record[i].layer_id].id[record[i].agg_id] = record[i].output_id
        return 0

    # Looking at it

    @property
    def n_levels(self):
        """Levels above the items: 1, 2, ... n_levels."""
        return self.last_level

    def nodes(self, int32_t level):
        """The aggregates of a level, or the items.

        Parameters
        ----------
        level : int
            0 (the items) to n_levels.

        Returns
        -------
        list of Node
            In ascending order of their ids.

        Raises
        ------
        UsageError
            There is no such level.

        Examples
        --------
        >>> import ktc
        >>> plan = ktc.read_plan("input")
        >>> [len(plan.nodes(level)) for level in range(plan.n_levels + 1)]
        [690, 230, 100, 10]
        >>> top = plan.nodes(3)[0]
        >>> top.agg_id, top.tiv, [layer.profile_id for layer in top.layers]
        (1, 37020500.0, [5, 6])
        """
        from ktc._core.named import Node

        cdef Level *here
        cdef int32_t agg
        if not 0 <= level <= self.last_level:
            raise UsageError(f"level {level}: expected 0 (the items) to {self.last_level}")
        here = &self.level[level]
        children = {}
        if level:
            below = self.level[level - 1].last + 1
            held = set(range(1, below)) if level == 1 else {self.level[level - 2].parent[agg]
                                                            for agg in range(1, self.level[level - 2].last
                                                                             + 1)}
            for agg in range(1, below):
                if self.level[level - 1].parent[agg] and agg in held:
                    children.setdefault(self.level[level - 1].parent[agg], []).append(agg)
            present = sorted(children)
        else:
            present = [agg for agg in range(1, here.last + 1) if here.parent[agg]]
        return [Node(level, agg, here.parent[agg] if here.parent != NULL else None,
                     tuple(children.get(agg, ())),
                     here.tiv[agg] if here.tiv != NULL else None,
                     tuple(self.layer_of(level, agg, layer) for layer in range(1, here.layer_count[agg] + 1))
                     if level
                     else ())
                for agg in present]

    cdef object layer_of(self, int32_t level, int32_t agg, int32_t layer):
        from ktc._core.named import Layer

        cdef Level *here = &self.level[level]
        cdef int32_t number = here.profile[(layer - 1) * (<int64_t>here.last + 1) + agg]
        cdef Profile *profile = &self.profile[number]
        if number == 0:
            return Layer(layer, None, ())
        return Layer(layer, profile.id, tuple(self.terms_of(self.terms[i])
                                              for i in range(profile.start, profile.start + profile.steps)))

    cdef dict terms_of(self, Terms terms):
        values = <dict>terms
        values["limit"], values["step_id"] = values["limit1"], values["step"]
        names = (_rules.STEPPED if self.stepped else _rules.PLAIN)[terms.rule]
        return {"calcrule_id": terms.rule, **{name: values[name] for name in names}}

    def output(self, int32_t id, int32_t layer=1):
        """The output id of an item, or of an aggregate of the last level, in a layer.

        Parameters
        ----------
        id : int
            What fm_xref calls agg_id.
        layer : int, default 1
            The layer.

        Returns
        -------
        int or None
            As fm_xref has it; None: its losses do not go out.

        Examples
        --------
        >>> import ktc
        >>> plan = ktc.read_plan("input")
        >>> plan.output(1), plan.output(1, layer=2), plan.output(99999)
        (1, 2, None)
        """
        if id < 1 or not 1 <= layer <= self.layers:
            return None
        return self.output_id(id, layer) or None

    def __repr__(self):
        return (f"<Plan: {self.n_levels} levels, {self.level[0].last} items, {self.layers} layers, "
                f"{self.n_profiles} profiles{', stepped' if self.stepped else ''}>")

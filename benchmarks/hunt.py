"""How far each column of the reports is from double arithmetic, at sizes of real use.

    python benchmarks/hunt.py                   sizes of real use: minutes, some GB
    python benchmarks/hunt.py --scale 0.01      smaller ones
    python benchmarks/hunt.py --only summaries --exact

Streams are made here, given to ktc, and what comes out is compared with an independent calculation in double
(NumPy). Printed is the worst relative error of each column. Losses run from 1e-2 to 1e13, spreads from 1e-7
to 10, weights over six orders, samples from 1 to 10,000; an event has up to a million items, a curve up to
10^8 losses. tests/test_numbers.py runs the same with small sizes.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ktc
from ktc import stages
from ktc.chain import Chain, FmCalc, LossStream

LOSS, SUMMARY = (2 << 24) | 1, (3 << 24) | 1
TIV, MEAN, MAX_LOSS = -3, -1, -5
EXACT = False


def keywords():
    """--exact, as long as this ktc has it."""
    return {"exact": True} if EXACT else {}


def stream(kind, samples, events, ids, sidx, losses, exposure=None):
    """A stream of packets, one for each row of losses, whose columns are of these sidx."""
    n, k = losses.shape
    fields = [("event", "<i4"), ("id", "<i4")] + [("exposure", "<f4")] * (kind == SUMMARY)
    packet = np.zeros(n, fields + [("record", [("sidx", "<i4"), ("loss", "<f4")], k + 1)])
    packet["event"], packet["id"] = events, ids
    if kind == SUMMARY:
        packet["exposure"] = exposure
    packet["record"]["sidx"][:, :k], packet["record"]["loss"][:, :k] = sidx, losses
    return np.array([kind, samples] + [1] * (kind == SUMMARY), "<i4").tobytes() + packet.tobytes()


def worst(found, right):
    """The worst relative error."""
    found, right = np.asarray(found, "f8"), np.asarray(right, "f8")
    assert found.shape == right.shape, (found.shape, right.shape)
    wrong = np.abs(found - right)
    return float(
        np.max(np.where(wrong == 0, 0, wrong / np.where(right == 0, 1e-30, np.abs(right))), initial=0)
    )


def write(folder, name, *columns):
    """A table of a run, of columns of one length."""
    (folder / "input").mkdir(exist_ok=True)
    kinds = {"i": "<i4", "f": "<f4", "d": "<f8", "q": "<i8"}
    rows = np.zeros(len(columns[0][1]), [(f"c{i}", kinds[kind]) for i, (kind, _) in enumerate(columns)])
    for i, (_, values) in enumerate(columns):
        rows[f"c{i}"] = values
    (folder / "input" / f"{name}.bin").write_bytes(rows.tobytes())


def write_occurrences(folder, events, periods, number):
    write(folder, "occurrence", ("i", events), ("i", periods), ("i", np.ones(len(events))))
    path = folder / "input" / "occurrence.bin"
    path.write_bytes(np.array([0, number], "<i4").tobytes() + path.read_bytes())


# --- events: ELT, MELT, QELT, PLT, MPLT, QPLT

QUANTILES = [0.0, 0.01, 0.2, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]


def drawn(rng, n, samples):
    """n rows of samples: of every size and spread, some missing in half of the rows."""
    mean, spread = 10 ** rng.uniform(-2, 13, (n, 1)), 10 ** rng.uniform(-7, 1, (n, 1))
    normal = np.abs(mean * (1 + np.minimum(spread, 0.3) * rng.standard_normal((n, samples))))
    heavy = mean * rng.lognormal(0, np.minimum(spread, 3), (n, samples))
    losses = np.where(spread < 0.3, normal, heavy).astype("f4")
    losses[::2] *= rng.random((len(losses[::2]), samples)) < rng.choice(
        [0.02, 0.5, 0.999], (len(losses[::2]), 1)
    )
    losses[::7] = losses[::7, :1]  # no spread at all
    return losses


def quantiles_of(losses):
    """A place that a float quantile cannot tell from a sample is that sample."""
    ordered = np.sort(losses.astype("f8"), axis=1)
    for q in QUANTILES:
        place = (losses.shape[1] - 1) * q
        if abs(place - round(place)) <= place * 2.0**-24:
            place = round(place)
        below = min(int(place), losses.shape[1] - 1)
        above = min(below + 1, losses.shape[1] - 1)
        yield ordered[:, below] + (ordered[:, above] - ordered[:, below]) * (place - below)


def by_event(scale, rng):
    errors = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, "quantile", ("f", QUANTILES))
        for samples in (1, 2, 10, 100, 1000, 10000):
            n = max(20, int(2e7 * scale / samples / 10))
            n = min(n, 20000)
            losses, exposure = drawn(rng, n, samples), rng.uniform(1, 1e9, n).astype("f4")
            write_occurrences(folder, np.arange(1, n + 1), np.arange(1, n + 1), n)
            data = stream(SUMMARY, samples, np.arange(1, n + 1), 1, range(1, samples + 1), losses, exposure)
            x, any_loss = losses.astype("f8"), (losses > 0).any(axis=1)
            mean, hit = x.mean(axis=1), (losses > 0).sum(axis=1)
            shifted = x - x[:, :1]
            sd = shifted.std(axis=1, ddof=1) if samples > 1 else np.zeros(n)
            few = ", up to 100 samples" if samples <= 100 else ""
            right = {
                "MeanLoss": mean,
                "SDLoss": sd,
                "ChanceOfLoss": hit / samples if samples > 1 else 0 * mean,
                "MeanImpactedExposure": hit * exposure.astype("f8") / samples,
            }
            for tool, short in ((stages.eltcalc, "ELT"), (stages.pltcalc, "PLT")):
                part = "event" if short == "ELT" else "period"
                tables = {
                    key: ktc.ResultTable(report)
                    for key, report in (
                        ("moment", f"moment_{part}_loss_table"),
                        ("quantile", f"quantile_{part}_loss_table"),
                    )
                }
                legacy = ktc.ResultTable(f"{part}_loss_table")
                tool(data, legacy, **tables, root=folder, **keywords())
                keep = np.ones(n, bool) if short == "ELT" else any_loss
                found = tables["moment"].numpy()
                found = found[found["SampleType"] == 2]
                for column, values in right.items():
                    if column == "ChanceOfLoss" and samples == 1:
                        continue  # 0 in one and 1 in the other, as in ktools
                    note(
                        errors,
                        f"M{short} {column}{few if column == 'SDLoss' else ''}",
                        worst(found[column], values[keep]),
                    )
                found = legacy.numpy()
                found = found[found["type"] == 2]
                note(errors, f"{short} mean", worst(found["mean"], mean[keep]))
                note(errors, f"{short} standard_deviation{few}", worst(found["standard_deviation"], sd[keep]))
                found = tables["quantile"].numpy()["Loss"].reshape(n, -1)
                note(errors, f"Q{short} Loss", worst(found, np.stack(list(quantiles_of(losses)), axis=1)))
    return errors


def note(errors, column, error):
    errors[column] = max(errors.get(column, 0), error)


# --- summaries: SELT


def summaries(scale, rng):
    """One event of a million items and more, into two summaries that hold half of them each, and one that
    holds ten."""
    errors, samples = {}, 10
    sidx = [MAX_LOSS, TIV, MEAN, *range(1, samples + 1)]
    for n, sigma in ((int(1e6 * scale), 1), (int(3e6 * scale), 0), (int(1e6 * scale), 3)):
        of = np.where(np.arange(n) < 10, 3, np.arange(n) % 2 + 1)
        losses = (4e4 * rng.lognormal(0, sigma, (n, len(sidx))) * rng.uniform(0.9, 1.1, (n, 1))).astype("f4")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, "gulsummaryxref", ("i", np.arange(1, n + 1)), ("i", of), ("i", np.ones(n)))
            out = folder / "out.bin"
            stages.summarycalc(
                stream(LOSS, samples, 1, np.arange(1, n + 1), sidx, losses),
                {1: out},
                item=True,
                root=folder,
                **keywords(),
            )
            rows = ktc.ResultTable("sample_event_loss_table")
            stages.summarycalctocsv(out, rows, ord=True, max_loss=True)
            found = rows.numpy()
        for summary in (1, 2, 3):
            mine = found[found["SummaryId"] == summary]
            right = losses[of == summary].astype("f8").sum(axis=0)
            note(errors, "SELT Loss", worst(mine["Loss"], np.delete(right, 1)))
            note(
                errors, "SELT ImpactedExposure", worst(mine["ImpactedExposure"], np.full(len(mine), right[1]))
            )
    return errors


# --- curves: EPT, PSEPT, LEC

RETURN_PERIODS = [10000, 5000, 1000, 200, 100, 50, 20, 10, 5, 2]


def curve_of(losses, most, wanted, weights=None):
    """[(loss, tail value at risk)] at return periods that ranks have: those of no weights."""
    ordered = np.sort(losses.astype("f8"))[::-1]
    sums = np.concatenate([[0], np.cumsum(ordered)])
    found = []
    for period in wanted:
        rank = most // period
        if rank >= 1:
            found.append(
                (ordered[rank - 1] if rank <= len(ordered) else 0, sums[min(rank, len(ordered))] / rank)
            )
    return found


def curves(scale, rng):
    errors = {}
    for periods, samples, share in (
        (int(1e5 * scale), 1000, 0.1),
        (int(2e4 * scale), 10000, 0.05),
        (int(1e5 * scale), 1000, 0.9),
    ):
        periods = max(periods // 1000 * 1000, 1000)
        events = int(periods * share)
        scale_of = rng.lognormal(12, 1.5, (events, 1)) if share < 0.5 else np.full((events, 1), 1e5)
        losses = (scale_of * rng.uniform(0.9, 1.1, (events, samples))).astype("f4")
        means = losses.mean(axis=1, dtype="f8").astype("f4")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            in_period = rng.permutation(periods)[:events] + 1
            write_occurrences(folder, np.arange(1, events + 1), in_period, periods)
            write(folder, "returnperiods", ("i", RETURN_PERIODS))
            data = folder / "s.bin"
            data.write_bytes(
                stream(
                    SUMMARY,
                    samples,
                    np.arange(1, events + 1),
                    1,
                    [MEAN, *range(1, samples + 1)],
                    np.column_stack([means, losses]),
                    1e9,
                )
            )
            table, by_sample = (
                ktc.ResultTable(r)
                for r in ("exceedance_probability_table", "sample_exceedance_probability_table")
            )
            ktc.ordleccalc(
                data,
                ["aep_full_uncertainty", "aep_sample_mean", "aep_wheatsheaf_mean", "aep_wheatsheaf"],
                ept=table,
                psept=by_sample,
                return_periods=True,
                root=folder,
                **keywords(),
            )
        right = {
            1: curve_of(means, periods, RETURN_PERIODS),
            2: curve_of(losses.ravel(), periods * samples, RETURN_PERIODS),
            3: curve_of(np.sort(losses, axis=0).mean(axis=1, dtype="f8"), periods, RETURN_PERIODS),
            4: curve_of(losses.mean(axis=1, dtype="f8"), periods, RETURN_PERIODS),
        }
        found = table.numpy()
        for which, points in right.items():
            for column, type in enumerate((3, 4)):
                mine = found[(found["EPCalc"] == which) & (found["EPType"] == type)]["Loss"]
                note(
                    errors,
                    f"EPT, LEC EPCalc {which}" + " TVaR" * column,
                    worst(mine, [point[column] for point in points]),
                )
        found = by_sample.numpy()
        for sample in (1, samples):
            points = curve_of(losses[:, sample - 1], periods, RETURN_PERIODS)
            for column, type in enumerate((3, 4)):
                mine = found[(found["SampleId"] == sample) & (found["EPType"] == type)]["Loss"]
                note(errors, "PSEPT" + " TVaR" * column, worst(mine, [point[column] for point in points]))
    return errors


def weighted_curves(scale, rng):
    """Weights over six orders; all points."""
    errors, samples = {}, 10
    periods = max(1000, int(1e5 * scale))
    weights = 10 ** rng.uniform(-6, 0, periods)
    weights /= weights.sum()
    losses = rng.lognormal(12, 2, (periods, samples)).astype("f4")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_occurrences(folder, np.arange(1, periods + 1), np.arange(1, periods + 1), periods)
        write(folder, "periods", ("i", np.arange(1, periods + 1)), ("d", weights))
        table = ktc.ResultTable("exceedance_probability_table")
        ktc.ordleccalc(
            stream(SUMMARY, samples, np.arange(1, periods + 1), 1, range(1, samples + 1), losses, 1e9),
            ["aep_full_uncertainty"],
            ept=table,
            root=folder,
            **keywords(),
        )
    found = table.numpy()
    order = np.argsort(losses.ravel(), kind="stable")[::-1]
    loss, weight = losses.ravel()[order].astype("f8"), np.repeat(weights / samples, samples)[order]
    found = {type: found[(found["EPCalc"] == 2) & (found["EPType"] == type)] for type in (3, 4)}
    last = np.append(loss[1:] != loss[:-1], True)  # equal losses may stand in any order
    note(
        errors,
        "EPT with weights, ReturnPeriod",
        worst(found[3]["ReturnPeriod"][last], 1 / np.cumsum(weight)[last]),
    )
    note(errors, "EPT with weights", worst(found[3]["Loss"], loss))
    note(
        errors,
        "EPT with weights, TVaR",
        worst(found[4]["Loss"][last], (np.cumsum(loss * weight) / np.cumsum(weight))[last]),
    )
    return errors


def crowded_periods(scale, rng):
    """Many events in one period: sums of a period."""
    errors, events = {}, max(2000, int(3e5 * scale))
    losses = rng.uniform(9e4, 1.1e5, (events, 4)).astype("f4")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_occurrences(folder, np.arange(1, events + 1), np.ones(events), 1)
        table = ktc.ResultTable("sample_exceedance_probability_table")
        ktc.ordleccalc(
            stream(SUMMARY, 4, np.arange(1, events + 1), 1, range(1, 5), losses, 1e9),
            ["aep_wheatsheaf"],
            psept=table,
            root=folder,
            **keywords(),
        )
    found = table.numpy()
    note(
        errors,
        "EPT, PSEPT, LEC, sums of a period",
        worst(found[found["EPType"] == 3]["Loss"], losses.sum(axis=0, dtype="f8")),
    )
    return errors


# --- averages: ALT, ALCT


def averages(scale, rng):
    errors = {}
    for samples, spread in ((100, 1.0), (100, 1e-2), (100, 1e-4)):
        periods = max(100, int(1e6 * scale / samples))
        for hazard in (1.0, spread):  # the losses of periods differ much, or as little as those of samples
            mean = 1e6 * (
                rng.lognormal(0, 1, (periods, 1)) if hazard == 1 else 1 + hazard * rng.random((periods, 1))
            )
            losses = (mean * (1 + spread * rng.random((periods, samples)))).astype("f4")
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_occurrences(folder, np.arange(1, periods + 1), np.arange(1, periods + 1), periods)
                average = ktc.AverageLoss(folder, **keywords()).feed(
                    stream(SUMMARY, samples, np.arange(1, periods + 1), 1, range(1, samples + 1), losses, 1e9)
                )
                alt, alct = average.table().numpy(), average.convergence().numpy()
            x = losses.astype("f8")
            alt = alt[alt["SampleType"] == 2][0]
            last = alct[-1]
            by_period = x.mean(axis=1)
            within = ((x - by_period[:, None]) ** 2).sum()
            right = {
                "VarElementVuln": within / (periods * samples - samples) / (periods * samples),
                "VarElementHaz": by_period.var(ddof=1) / periods,
            }
            note(errors, "ALT MeanLoss", worst(alt["MeanLoss"], x.mean()))
            note(errors, "ALT SDLoss", worst(alt["SDLoss"], x.std(ddof=1)))
            note(errors, "ALCT MeanLoss", worst(last["MeanLoss"], x.mean()))
            for column, value in right.items():
                note(errors, f"ALCT {column}", worst(last[column], value))
                note(
                    errors,
                    f"ALCT StandardError{column[10:]}",
                    worst(last[f"StandardError{column[10:]}"], value**0.5),
                )
    return errors


# --- the financial module


def financial(scale, rng):
    """A million items below one policy, by coverage, site and policy; a deductible of a part of the TIV."""
    errors, samples = {}, 6
    n = max(2000, int(1e6 * scale))
    losses = (4e4 * rng.uniform(0.5, 1.5, (n, samples + 2))).astype("f4")
    tiv = losses[:, 0] = np.float32(2e5) * rng.uniform(0.9, 1.1, n).astype("f4")
    ids, ones = np.arange(1, n + 1), np.ones(n)
    sites = np.arange(n) // 2 + 1
    m = sites[-1]
    data = stream(LOSS, samples, 1, ids, [TIV, MEAN, *range(1, samples + 1)], losses)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, "coverages", ("f", tiv))
        write(folder, "items", ("i", ids), ("i", ids), ("i", ones), ("i", ones), ("i", ids))
        write(
            folder,
            "fm_programme",
            ("i", np.concatenate([ids, np.arange(1, m + 1)])),
            ("i", np.concatenate([ones, np.full(m, 2)])),
            ("i", np.concatenate([sites, np.ones(m)])),
        )
        write(
            folder,
            "fm_policytc",
            ("i", np.concatenate([np.ones(m), [2]])),
            ("i", np.concatenate([np.arange(1, m + 1), [1]])),
            ("i", np.ones(m + 1)),
            ("i", np.concatenate([np.ones(m), [2]])),
        )
        profile = np.zeros(2, [("id", "<i4"), ("rule", "<i4"), ("terms", "<f4", 8)])
        profile["id"], profile["rule"] = [1, 2], [100, 6]
        profile["terms"][1, 0] = 0.05  # rule 6: a deductible of 5 % of the TIV
        (folder / "input" / "fm_profile.bin").write_bytes(profile.tobytes())
        write(folder, "fm_xref", ("i", ids), ("i", ids), ("i", ones))
        gross = losses[:, 1:].astype("f8").sum(axis=0)
        paid = gross - 0.05 * tiv.astype("f8").sum()
        for rule in (0, 1, 2, 3):
            chain = Chain(
                LossStream(data),
                FmCalc(alloc_rule=rule, input_path=str(folder / "input"), **keywords()),
                root=folder,
            )
            sums, items = np.zeros(samples + 1), {}
            for block in chain:
                sidx, loss, at = np.asarray(block.sidx), np.asarray(block.loss), np.asarray(block.start)
                for k, column in enumerate((MEAN, *range(1, samples + 1))):
                    sums[k] += loss[sidx == column].astype("f8").sum()
                if rule:
                    for i, id in enumerate(np.asarray(block.id)[:3]):
                        items[int(id)] = loss[at[i] : at[i + 1]][1:]
            note(
                errors,
                "fmcalc loss" if rule == 0 else "fmcalc allocated losses, their sum",
                worst(sums, paid),
            )
            for id, found in items.items():
                note(errors, "fmcalc allocated loss", worst(found, losses[id - 1, 1:] * paid / gross))
    return errors


HUNTS = {
    each.__name__: each
    for each in (by_event, summaries, curves, weighted_curves, crowded_periods, averages, financial)
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1, help="of the sizes (default 1)")
    parser.add_argument(
        "--only", choices=HUNTS, action="append", help="one of the hunts; may come several times"
    )
    parser.add_argument("--exact", action="store_true", help="with exact=True")
    args = parser.parse_args()
    globals()["EXACT"] = args.exact
    for name in args.only or HUNTS:
        for column, error in HUNTS[name](args.scale, np.random.default_rng(1)).items():
            print(f"{column:45}{error:.1e}", flush=True)


if __name__ == "__main__":
    main()

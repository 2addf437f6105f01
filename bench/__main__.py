"""Measure Checkie under load and the physical limit in one run of less than three minutes, or compare two releases."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from statistics import mean

from bench import compare, limit, measure, stack, statements
from bench.measure import CHECKIE, Bench, Sum
from bench.report import Report, latencies

_QUICK = 0.4


def main() -> int:
    """Run the bench. Returns 1 if a checkout failed or `checkie doctor` found a violated invariant."""
    given = _parser().parse_args()
    pace = _QUICK if given.quick else 1.0
    if given.against:
        return compare.compare(given.data, stack.Release.at(given.against), given.pairs, pace)
    report = Report()
    with stack.running(given.data.resolve() / "bench") as running:
        bench = Bench(running)
        try:
            failures = _run(bench, report, pace, list_statements=given.statements)
        finally:
            bench.close()
        found = running.doctor()
    failed = ", ".join(check["name"] for check in found["checks"] if not check["ok"])
    report.notes.append(f"checkie doctor: {'all invariants hold' if found['ok'] else f'FAILED: {failed}'}.")
    report.write(given.data / "bench.json")
    print(report.text())
    return 0 if found["ok"] and not failures else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".checkie"), help="folder for the results")
    parser.add_argument("--quick", action="store_true", help="shorter slices, for a first impression")
    parser.add_argument("--statements", action="store_true", help="list every SQL statement with its frequency")
    parser.add_argument("--against", type=Path, metavar="DIR", help="compare with the release in this folder instead")
    parser.add_argument("--pairs", type=int, default=10, help="how often the two releases take turns")
    return parser


def _run(bench: Bench, report: Report, pace: float, *, list_statements: bool) -> int:
    page, many = [bench.stack.page], bench.stack.make_stores(50)
    limit.prepare(bench.stack.server, measure.BUYERS)
    for pages in (page, many):
        bench.checkouts(Sum(), 4 * pace, pages)
    statements.analyze(bench.stack.server)
    bench.checkouts(Sum(), 2 * pace, page)
    idle = bench.idle_cpu(2)
    load = _measure_load(bench, report, pace)
    hot, spread = Sum(), Sum()
    for turn in range(4):
        for into, pages in ((hot, page), (spread, many))[:: 1 if turn % 2 else -1]:
            bench.checkouts(into, 4 * pace, pages)
    report.add("hot_store_ratio", hot.per_s / spread.per_s, "of the rate of many stores", "at least 0.8")
    report.add("hot_store_cpu_ratio", spread.cpu_each / hot.cpu_each, "the same by CPU")
    _measure_statements(bench, report, list_statements=list_statements)
    failures: Counter[str] = load.failures + hot.failures + spread.failures + _measure_pages(bench, report, pace)
    _report_memory(bench, report)
    _report_notes(report, load, idle)
    report.notes += [f"FAILED {number} times: {why}" for why, number in failures.most_common(10)]
    return sum(failures.values())


def _measure_load(bench: Bench, report: Report, pace: float) -> Sum:
    """The main run: checkouts and both limits in turn, so that other load on the machine affects all alike."""
    load, commits = Sum(), 0
    limits: dict[Path, list[float]] = {limit.FEWEST_STATEMENTS: [], limit.PLAIN_STATEMENTS: []}
    for _ in range(3):
        commits -= statements.commits(bench.stack.server)
        bench.checkouts(load, 7 * pace, [bench.stack.page])
        commits += statements.commits(bench.stack.server)
        for script, rates in limits.items():
            rates.append(bench.limit(script, max(2, round(4 * pace))).per_s)
    fewest, plain = (mean(rates) for rates in limits.values())
    each = {name: ms / load.done for name, ms in load.cpu_ms.items()}
    report.add("checkouts_per_s", load.per_s, "1/s", "at least 100, and 25% of the limit", fewest)
    report.add("checkouts_to_plain_limit", load.per_s, "1/s", None, plain)
    report.add("cpu_ms_per_checkout", each["api"] + each["worker"], "ms, API and worker", "at most 15")
    for name, ms in each.items():
        report.add(f"cpu_ms_{name}", ms, "ms per checkout")
    report.add("cpu_ms_all", load.cpu_each, "ms per checkout")
    report.add("commits_per_checkout", commits / load.done, "read-only ones included", None, limit.TRANSACTIONS)
    report.add("webhooks_per_checkout", load.webhooks / load.done, "received by the merchant")
    report.notes += [latencies(load.took_ms), ""]
    return load


def _measure_statements(bench: Bench, report: Report, *, list_statements: bool) -> None:
    found, api, done = bench.statements(400)
    control = sum(
        number for text, number in found.items() if text.rstrip(";").upper() in ("BEGIN", "COMMIT", "ROLLBACK")
    )
    report.add("sql_statements_per_checkout", found.total() / done, "API and worker")
    report.add("sql_statements_api", api / done, "per checkout")
    report.add("sql_statements_worker", (found.total() - api) / done, "per checkout")
    report.add("sql_transaction_control", control / done, "BEGIN and COMMIT of these")
    if list_statements:
        report.notes += [f"{number / done:6.2f}  {text[:150]}" for text, number in found.most_common(60)]


def _measure_pages(bench: Bench, report: Report, pace: float) -> Counter[str]:
    html = bench.page_gets(f"/{bench.stack.page}", 4 * pace)
    api = bench.page_gets(f"/api/widget/pages/{bench.stack.page}", 4 * pace)
    report.add("page_gets_per_s", html.per_s, "1/s, HTML, a session each", "at least 1,000")
    report.add("page_api_gets_per_s", api.per_s, "1/s, JSON, a session each")
    for name, found in (("page_get", html), ("page_api_get", api)):
        report.add(f"cpu_ms_{name}", found.cpu_each, "ms, all processes")
    return html.failures + api.failures


def _report_memory(bench: Bench, report: Report) -> None:
    peaks = {name: bench.stack.parts[name].peak_rss_mb for name in CHECKIE}
    report.add("rss_mb_max", max(peaks.values()), "MB", "under 150")
    for name, peak in peaks.items():
        report.add(f"rss_mb_{name}", peak, "MB")


def _report_notes(report: Report, load: Sum, idle: dict[str, float]) -> None:
    cores, other_cores = (ms / load.wall_s / 1000 for ms in (sum(load.cpu_ms.values()), load.others_ms))
    late = ", ".join(f"{seconds:.1f}" for seconds in load.late_s)
    polls = load.polls / load.done
    rate = f"{load.done} checkouts by {measure.BUYERS} buyers in {load.seconds:.1f} s"
    report.notes += [
        f"{rate}, {polls:.2f} status polls each.",
        f"All webhooks were delivered {late} s after the last checkout of each slice.",
        f"Cores used: {cores:.2f} by the bench, {other_cores:.2f} by others.",
        "CPU without load, in percent of a core: "
        + ", ".join(f"{name} {part:.1f}" for name, part in idle.items())
        + ".",
    ]


if __name__ == "__main__":
    sys.exit(main())

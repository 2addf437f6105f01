"""Measure Checkie under load, beside the physical limit, in one run of under three minutes."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from statistics import mean

from bench import limit, measure, stack, statements
from bench.measure import Bench, Sum
from bench.report import Report, latencies

_OURS = ("api", "worker", "simulator", "listener", "supervisor")


def main() -> int:
    """Run the bench; 1 when a checkout failed or the books are not clean."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".checkie"), help="bench.json goes here")
    parser.add_argument("--quick", action="store_true", help="shorter slices: for a look, not for a comparison")
    parser.add_argument("--statements", action="store_true", help="tell every SQL statement, and how often")
    given = parser.parse_args()
    folder = given.data.resolve() / "bench"
    report = Report()
    with stack.running(folder) as running:
        bench = Bench(running)
        try:
            failures = _run(bench, report, 0.4 if given.quick else 1.0, statements_too=given.statements)
        finally:
            bench.close()
        books = running.doctor()
    wrong = [check["name"] for check in books["checks"] if not check["ok"]]
    report.notes.append(f"Books: {'clean' if books['ok'] else 'NOT CLEAN: ' + ', '.join(wrong)}, says checkie doctor.")
    report.write(given.data / "bench.json")
    print(report.text())
    return 0 if books["ok"] and not failures else 1


def _run(bench: Bench, report: Report, pace: float, *, statements_too: bool) -> int:
    page, many = [bench.stack.page], bench.stack.make_stores(50)
    limit.prepare(bench.stack.server, measure.BUYERS)
    for pages in (page, many):
        bench.checkouts(Sum(), 4 * pace, pages)
    statements.analyze(bench.stack.server)
    bench.checkouts(Sum(), 2 * pace, page)
    idle = bench.idle_cpu(2)
    load = _tell_load(bench, report, pace)
    hot, spread = Sum(), Sum()
    for turn in range(4):
        for into, pages in ((hot, page), (spread, many))[:: 1 if turn % 2 else -1]:
            bench.checkouts(into, 4 * pace, pages)
    report.add("hot_store_ratio", hot.per_s / spread.per_s, "of many stores' rate", "at least 0.8")
    report.add("hot_store_cpu_ratio", spread.cpu_each / hot.cpu_each, "the same by CPU")
    _tell_statements(bench, report, statements_too=statements_too)
    failures: Counter[str] = load.failures + hot.failures + spread.failures + _tell_pages(bench, report, pace)
    _tell_memory(bench, report)
    _tell_notes(report, load, idle)
    report.notes += [f"FAILED {number} times: {why}" for why, number in failures.most_common(10)]
    return sum(failures.values())


def _tell_load(bench: Bench, report: Report, pace: float) -> Sum:
    """The main run: checkouts and both limits by turns, so that what else happens on the machine meets all alike."""
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
        report.add(f"cpu_ms_{name}", ms, "ms a checkout")
    report.add("cpu_ms_all", load.cpu_each, "ms a checkout")
    report.add("commits_per_checkout", commits / load.done, "reading ones included", None, limit.TRANSACTIONS)
    report.add("webhooks_per_checkout", load.webhooks / load.done, "taken by the merchant")
    report.notes += [latencies(load.took_ms), ""]
    return load


def _tell_statements(bench: Bench, report: Report, *, statements_too: bool) -> None:
    found, api, done = bench.statements(400)
    control = sum(
        number for text, number in found.items() if text.rstrip(";").upper() in ("BEGIN", "COMMIT", "ROLLBACK")
    )
    report.add("sql_statements_per_checkout", found.total() / done, "API and worker")
    report.add("sql_statements_api", api / done, "a checkout")
    report.add("sql_statements_worker", (found.total() - api) / done, "a checkout")
    report.add("sql_transaction_control", control / done, "BEGIN and COMMIT in that")
    if statements_too:
        report.notes += [f"{number / done:6.2f}  {text[:150]}" for text, number in found.most_common(60)]


def _tell_pages(bench: Bench, report: Report, pace: float) -> Counter[str]:
    html = bench.page_gets(f"/{bench.stack.page}", 4 * pace)
    api = bench.page_gets(f"/api/widget/pages/{bench.stack.page}", 4 * pace)
    report.add("page_gets_per_s", html.per_s, "1/s, HTML, a session each", "at least 1,000")
    report.add("page_api_gets_per_s", api.per_s, "1/s, JSON, a session each")
    for name, found in (("page_get", html), ("page_api_get", api)):
        report.add(f"cpu_ms_{name}", found.cpu_each, "ms, all processes")
    return html.failures + api.failures


def _tell_memory(bench: Bench, report: Report) -> None:
    peaks = {name: bench.stack.parts[name].peak_rss_mb for name in _OURS}
    report.add("rss_mb_max", max(peaks.values()), "MB", "under 150")
    for name, peak in peaks.items():
        report.add(f"rss_mb_{name}", peak, "MB")


def _tell_notes(report: Report, load: Sum, idle: dict[str, float]) -> None:
    ours = sum(load.cpu_ms.values())
    late = ", ".join(f"{seconds:.1f}" for seconds in load.late_s)
    looks = load.polls / load.done
    rate = f"{load.done} checkouts by {measure.BUYERS} buyers in {load.seconds:.1f} s"
    report.notes += [
        f"{rate}, {looks:.2f} looks at the status each.",
        f"Merchants had heard of everything {late} s after the last checkout of each slice.",
        f"Cores: ours used {ours / load.wall_s / 1000:.2f}, everybody else {load.others_ms / load.wall_s / 1000:.2f}.",
        "Idle, in per cent of a core: " + ", ".join(f"{name} {share:.1f}" for name, share in idle.items()) + ".",
    ]


if __name__ == "__main__":
    sys.exit(main())

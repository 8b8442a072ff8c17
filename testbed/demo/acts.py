"""The acts of the demo, in order; each shows one thing that a saga must get right."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from chaos.auditor.audit import AuditReport, render
from chaos.auditor.verdicts import Verdict
from chaos.experiments.auditing import audit_when_quiet, poll
from chaos.gallery.naive_run import NaiveFault, audit_naive, run_naive, sweep
from chaos.running_system import WORKER
from loadtests.ending import ENDING, TOLD
from testbed import supervisor
from testbed.commands import load
from testbed.demo.stage import Stage

CHANGED = 3  # documents that are changed before a generation that is going to fail
LATE_MS = 11_000  # longer than all attempts of a save together, so that its rollback comes first
LATE_LIMIT = 30.0
QUIET_LIMIT = 60.0
SLOW_MS = 4_000
ENDING_LIMIT = 150.0  # seconds that the last generations and their audit may take after the load
_NAIVE: tuple[tuple[NaiveFault, str], ...] = (
    ("snapshot-answer-lost", "the snapshot's answer lost"),
    ("late-save", "a save that lands after its own rollback"),
)


def generate_a_wiki(stage: Stage) -> None:
    """Documents in, pages, relationships and a snapshot out."""
    stage.act(2, f"Ingest {len(stage.documents)} real documents")
    stage.ingest(stage.documents)
    sources = sorted({document.source.partition(":")[0] for document in stage.documents})
    stage.say(f"  {len(stage.documents)} documents are in Chroma, from: {', '.join(sources[:4])}")

    stage.act(3, "Generate the wiki")
    began = time.monotonic()
    status = stage.generate()
    stage.expect(status["state"] == "committed", f"committed in {time.monotonic() - began:.1f} s")
    stage.show_log(status["saga_id"])
    stage.say(f"  snapshot {status.get('snapshot_id')}, {status.get('files_created')} files; the real repository says:")
    stage.show(stage.git("log", "--oneline", "-3", "main"), 3)
    stage.show(stage.git("show", "--stat", "--stat-width=90", "main"), 12)


def fail_the_snapshot(stage: Stage) -> None:
    """All or nothing, and what was overwritten comes back."""
    stage.act(4, "Force a snapshot failure through the proxy")
    before, head = stage.on_disk(), stage.head()
    _change_documents(stage, "act 4")
    link = "backend_git"
    toxic = _fault(stage, link, "status", "limit_data", status=500, path="^/snapshot/", method="POST")
    status = _generate_under(stage, link, toxic)
    stage.show_log(status["saga_id"])
    replaced = stage.replaced_by(status["saga_id"])
    overwritten = sum(former is not None for former in replaced.values())
    stage.say(f"  it had overwritten {overwritten} files and made {len(replaced) - overwritten} new ones")
    _expect_untouched(stage, status, before, head)


def lose_the_answer(stage: Stage) -> None:
    """The effect happened, nobody heard of it: it is undone all the same (R4)."""
    stage.act(5, "The two nasty ones. First: the snapshot is made, its answer is lost")
    before, head = stage.on_disk(), stage.head()
    link = "backend_git"
    toxic = _fault(stage, link, "drop_response", "timeout", path="^/snapshot/", method="POST")
    since = stage.proxy.last_event() if stage.proxy.knows_requests else 0
    status = _generate_under(stage, link, toxic)
    stage.show_log(status["saga_id"])
    if stage.proxy.knows_requests:
        made = [event for event in stage.proxy.events(since) if event.get("upstream_status") == 201]
        stage.expect(
            bool(made), f"git_server made the snapshot and said 201; the proxy dropped {len(made)} such answers"
        )
    _expect_untouched(stage, status, before, head)


def deliver_a_save_too_late(stage: Stage) -> None:
    """A request that arrives after its own rollback stays without effect (R6)."""
    stage.act(5, "Second: a save that arrives after its own rollback")
    if not stage.proxy.knows_requests:
        stage.say(
            "  Toxiproxy delays whole connections, not single requests: run the demo with --proxy embedded for this"
        )
        return
    before, head = stage.on_disk(), stage.head()
    refused, link = stage.refused_saves(), "backend_filesystem"
    match = {"method": "POST", "path": "^/files/"}
    toxic = stage.proxy.add(link, "http_fault", action="hold", ms=LATE_MS, match=match)
    status = stage.generate()
    stage.show_log(status["saga_id"])
    stage.say("  rolled back; the held saves are still on their way ...")
    arrived = poll(lambda: stage.refused_saves() > refused, LATE_LIMIT)
    stage.expect(arrived, "the late save arrived, and filesystem_server refused it: 409 saga-compensated")
    stage.proxy.remove(link, toxic)
    _expect_untouched(stage, status, before, head)


def try_the_naive_saga(stage: Stage) -> None:
    """The same two faults against the saga that nearly everybody writes first: the testbed shows its teeth."""
    stage.act(5, "The same two against a naive saga: it undoes only completed steps, and has no barrier")
    if not stage.proxy.knows_requests:
        stage.say("  needs the embedded proxy: run the demo with --proxy embedded for this")
        return
    for fault, words in _NAIVE:
        project = f"naive-{fault}"
        answer = run_naive(stage.system, fault, project)
        report = audit_naive(stage.system, project)
        orphans = ", ".join(f"{count} {kind}" for kind, count in report.orphans.items() if count)
        stage.say(f"  {words}: the naive saga says {answer['state']!r}; the auditor says:")
        if first := report.first_evidence:
            stage.show(f"{first.word}: {first.subject}: {first.evidence}", 3)
        stage.expect(report.verdict is Verdict.INVALID and bool(orphans), f"invalid, orphans: {orphans or 'none'}")
        sweep(stage.system, answer)
    stage.say("  (swept away by hand, as an operator would have to, so that the last audit is about the real system)")


def kill_the_worker(stage: Stage) -> None:
    """A worker that dies in the middle loses nothing (R9)."""
    stage.act(6, "kill -9 the worker in the middle of a generation")
    before, head = stage.on_disk(), stage.head()
    link = "backend_git"
    toxic = stage.proxy.add(link, "latency", stream="upstream", latency=SLOW_MS)
    status = stage.generate(until=_snapshot_is_running)
    pid = supervisor.kill(stage.system.state, WORKER, signal.SIGKILL)
    stage.say(f"  killed pid {pid} while the snapshot was being made; files are saved, nothing is committed:")
    stage.say(f"  {'  '.join(step['name'] + ': ' + step['state'] for step in status['steps'])}")
    stage.proxy.remove(link, toxic)
    began = time.monotonic()
    pid = supervisor.start(stage.system.state, WORKER)
    stage.say(f"  started again as pid {pid}; it takes over when the dead one's lease ends")
    status = stage.settle(status["saga_id"])
    stage.show_log(status["saga_id"])
    stage.expect(status["state"] == "rolled_back", f"recovered {time.monotonic() - began:.1f} s after the restart")
    _expect_untouched(stage, status, before, head)
    status = stage.generate()
    stage.expect(status["state"] == "committed", "the next generation of the project commits")


def crowd(stage: Stage, users: int, seconds: int) -> None:
    """Concurrent generations while faults come and go and processes are killed."""
    stage.act(7, f"{users} Locust users for {seconds} s, while faults come and go")
    results = stage.system.state / "load"
    results.mkdir()
    command = load.command(
        stage.system.state, results, users=users, duration=f"{seconds}s", chaos="mixed", projects=6, seed=1, orphans=0
    )
    with (results / "locust.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as locust:
        try:
            _watch(stage, locust, seconds)
        finally:
            locust.terminate()  # Ctrl-C, or one that does not end; nothing when it has ended
    ended = (results / ENDING).exists()
    stage.expect(ended, f"the load came to its end; its log is {results / 'locust.log'}")
    if not ended:
        return
    ending = json.loads((results / ENDING).read_text())
    figures, audit = ending["figures"], ending["audit"]
    with stage.journal.open("a") as journal:
        journal.write((results / TOLD).read_text())
    faults = sum(figures["faults"].values())
    stage.say(f"  {faults} faults came and went; {figures['requests']} requests, {figures['generations']} generations,")
    stage.say(f"  {figures['rollbacks']} of them rolled back; p50 {figures['p50']:.2f} s, p95 {figures['p95']:.2f} s")
    stage.expect(audit["verdict"] == "valid", f"the audit after the crowd: {audit['verdict']}")


def _watch(stage: Stage, locust: subprocess.Popen[bytes], seconds: int) -> None:
    """Show how the crowd gets on until Locust ends; it is given a while to finish what runs."""
    began = time.monotonic()
    with Progress(TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn(), console=stage.out) as progress:
        task = progress.add_task("under load", total=seconds)
        while locust.poll() is None and time.monotonic() - began < seconds + ENDING_LIMIT:
            spent = time.monotonic() - began
            progress.update(task, completed=spent, description="under load" if spent < seconds else "coming to rest")
            time.sleep(0.2)


def give_the_verdict(stage: Stage) -> AuditReport:
    """Heal, wait for quiet, and let the auditor look at disk, git, graph and log."""
    stage.act(8, "Heal, audit, verdict")
    stage.proxy.heal()
    with stage.out.status("auditing") as spinner:
        report = audit_when_quiet(stage.system, QUIET_LIMIT, journal=stage.journal, on_progress=spinner.update)
    stage.out.print(render(report))
    return report


def _change_documents(stage: Stage, why: str) -> None:
    """Change some documents and add one, so that the next generation overwrites files and makes new ones."""
    changed = [replace(d, text=f"{d.text}\n\nChanged for {why}.\n") for d in stage.documents[:CHANGED]]
    new = replace(stage.documents[0], doc_id=f"new-{why.replace(' ', '-')}", title=f"New in {why}")
    stage.ingest([*changed, new])


def _fault(stage: Stage, link: str, action: str, tcp: str, *, method: str, path: str, **more: Any) -> str:
    """A fault for one kind of request; where the proxy knows no requests, its TCP relative for the whole link."""
    if stage.proxy.knows_requests:
        match = {"method": method, "path": path}
        return stage.proxy.add(link, "http_fault", action=action, match=match, **more)
    if tcp == "timeout":
        return stage.proxy.add(link, "timeout", timeout=100)
    return stage.proxy.add(link, "limit_data", stream="upstream", bytes=0)


def _generate_under(stage: Stage, link: str, toxic: str) -> dict[str, Any]:
    """A generation under a fault that ends when the rollback begins: on a whole link it would stop that as well."""
    status = stage.generate(until=lambda now: now["state"] not in ("pending", "executing"))
    stage.proxy.remove(link, toxic)
    return stage.settle(status["saga_id"])


def _expect_untouched(stage: Stage, status: Mapping[str, Any], before: Mapping[str, str], head: str) -> None:
    stage.expect(status["state"] == "rolled_back", f"the saga is {status['state'].replace('_', ' ')}")
    after = stage.on_disk()
    stage.expect(after == before, f"all {len(before)} files are on disk as before, byte for byte; no new one stayed")
    stage.expect(stage.head() == head, f"main points where it pointed: {head[:12]}")
    poll(lambda: not _pending(stage), 5.0)
    stage.expect(not _pending(stage), "no lock and no pending mark is left")


def _pending(stage: Stage) -> bool:
    """Whether the filesystem still keeps anything to undo."""
    area = stage.system.data / "filesystem_server" / ".saga"
    return any(path.is_file() for folder in area.glob("*/") for path in folder.rglob("*"))


def _snapshot_is_running(status: Mapping[str, Any]) -> bool:
    return any(step["name"] == "Create git snapshot" and step["state"] == "running" for step in status["steps"])

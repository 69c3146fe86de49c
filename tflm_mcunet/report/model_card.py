# SPDX-License-Identifier: Apache-2.0
"""The card of a model in a zoo: what it is, how it was made, how right it is, what it needs.

Everything in a card comes from the entry and from the results that a script wrote.
"""

from __future__ import annotations

from collections.abc import Iterator

from tflm_mcunet import boards
from tflm_mcunet.benchmark import CYCLES_PER_INSTRUCTION, estimated_ms, has_emulated_core
from tflm_mcunet.report.text import Table
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.evaluation import Evaluation
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.listening import CONFIDENCE, NOTHING, Heard
from tflm_mcunet.zoo.outputs import make_output
from tflm_mcunet.zoo.results import Cost, Results, shipped_way

_SHOWN_GROUPS = 15


def markdown(entry: Entry, results: Results | None) -> str:
    """The whole card; `results` are None for a model that has not been evaluated yet."""
    sections = [
        f"# {entry.name}: {entry.title}",
        facts_table(entry).markdown,
        f"**For** {entry.intended_use}",
        f"**Limits** {entry.limits}",
        "## Data",
        data_table(entry).markdown,
        entry.splits,
    ]
    if results is None:
        sections.append("Not evaluated yet.")
    else:
        sections += [*_accuracy(entry, results), *_listening(results), *_costs(entry, results)]
    sections += ["## Reproduce", *_reproduce(entry, results)]
    return "\n\n".join(sections) + "\n"


def facts_table(entry: Entry) -> Table:
    """What the model is, in few words."""
    rows = (
        ("Task", entry.task),
        ("Input", make_input(entry.input).title),
        ("Answers", ", ".join(make_output(entry.output).labels)),
        ("Weights", f"{entry.quantization}, licence {entry.weights_licence}"),
        ("Version", entry.version),
    )
    return Table(("<", "<"), rows)


def data_table(entry: Entry) -> Table:
    """What it was made from and is judged by."""
    rows = tuple((source.name, source.use, source.licence) for source in entry.data)
    return Table(("<Data", "<used for", "<licence"), rows)


# ---- How right it is ---------------------------------------------------------------------


def _accuracy(entry: Entry, results: Results) -> Iterator[str]:
    yield "## Accuracy"
    yield accuracy_table(results).markdown
    for name, of_set in results.sets.items():
        shown = of_set[entry.quantization]
        yield f"Answers (columns) for each class (rows) of {name}:"
        yield confusion_table(shown).markdown
        for kind in shown.groups:
            yield f"Errors by {kind}{_worst_only(shown, kind)}:"
            yield groups_table(shown, kind).markdown


def accuracy_table(results: Results) -> Table:
    """Every variant on every test set."""
    has_auc = any(e.auc is not None for of_set in results.sets.values() for e in of_set.values())
    headers = ("<Test set", "<variant", "samples", "accuracy", *(("AUC",) if has_auc else ()))
    rows = (
        (name, variant, f"{one.samples:,}", f"{one.accuracy:.2%}", *_auc(one, has_auc))
        for name, of_set in results.sets.items()
        for variant, one in of_set.items()
    )
    return Table(headers, tuple(rows))


def _auc(evaluation: Evaluation, shown: bool) -> tuple[str, ...]:
    if not shown:
        return ()
    return ("–" if evaluation.auc is None else f"{evaluation.auc:.3f}",)


def confusion_table(evaluation: Evaluation) -> Table:
    """Right answers down, the model's across."""
    rows = (
        (label, *(f"{count:,}" if count else "" for count in row))
        for label, row in zip(evaluation.labels, evaluation.confusion.tolist(), strict=True)
    )
    return Table(("<", *evaluation.labels), tuple(rows))


def groups_table(evaluation: Evaluation, kind: str) -> Table:
    """The groups of a kind, those with the largest share of errors first."""
    groups = evaluation.groups[kind]
    worst = sorted(groups, key=lambda name: (-groups[name].errors / groups[name].samples, name))
    rows = (
        (
            name,
            f"{groups[name].samples:,}",
            f"{groups[name].errors:,}",
            f"{groups[name].errors / groups[name].samples:.1%}",
        )
        for name in worst[:_SHOWN_GROUPS]
    )
    return Table((f"<{kind}", "samples", "errors", "share"), tuple(rows))


def _worst_only(evaluation: Evaluation, kind: str) -> str:
    count = len(evaluation.groups[kind])
    return f", the {_SHOWN_GROUPS} worst of {count}" if count > _SHOWN_GROUPS else ""


def _listening(results: Results) -> Iterator[str]:
    if results.listening:
        yield "## Listening"
        yield listening_table(results.listening).markdown
        yield ABOUT_LISTENING


ABOUT_LISTENING = f"""\
Streams of the test split and of other sets, none of whose clips was trained with or chosen by,
through front end, network and detector as they run on the device. Other speech is one word after
the other without a pause. A word is found if it is detected before three quarters of a second
after its end; whatever else is detected is a false alarm. At most: the rate that is not exceeded,
with a confidence of {CONFIDENCE:.0%}."""


def listening_table(listening: dict[str, Heard]) -> Table:
    """By what was heard, and what is without words together."""
    others = [heard for heard in listening.values() if not heard.words]
    rows = [_heard(what, heard) for what, heard in listening.items()]
    rows.append(_heard("all without keywords", sum(others, NOTHING)))
    headers = ("<heard", "minutes", "keywords", "found", "false alarms", "per hour", "at most")
    return Table(headers, tuple(rows))


def _heard(what: str, heard: Heard) -> tuple[str, ...]:
    return (
        what,
        f"{60 * heard.hours:.1f}",
        f"{heard.words:,}" if heard.words else "",
        f"{heard.rate:.1%}" if heard.words else "",
        f"{heard.false_alarms:,}",
        f"{heard.per_hour:.1f}",
        f"{heard.at_most_per_hour:.1f}",
    )


# ---- What it needs -----------------------------------------------------------------------


def _costs(entry: Entry, results: Results) -> Iterator[str]:
    yield "## Memory and work"
    yield costs_table(entry, results).markdown
    yield _ABOUT_COSTS
    for way, reason in results.refused.items():
        yield f"{way.capitalize()}: not possible. {reason}"
    yield latency_table(results.shipped(entry)).markdown
    yield (
        f"Estimates, not measurements: {CYCLES_PER_INSTRUCTION} cycles per instruction, for "
        f"{shipped_way(entry)}."
    )


_ABOUT_COSTS = """\
Bytes. Activations: everything at the peak, input and output included; where the input is fed row
by row, only the rows still needed. Arena: the smallest that TensorFlow Lite Micro accepts on a
64-bit host, its own structures included. C: without an interpreter, on an emulated Cortex-M4, with
the row that the caller holds."""


def costs_table(entry: Entry, results: Results) -> Table:
    """The original beside the converted model in each way of feeding it."""
    costs = list(results.costs.values())
    before = results.original
    ways = (f"{way} (shipped)" if way == shipped_way(entry) else way for way in results.costs)

    def row(what: str, original: int | None, *converted: int) -> tuple[str, ...]:
        return what, "" if original is None else f"{original:,}", *(f"{n:,}" for n in converted)

    rows = (
        row("activations", before.peak_bytes, *(c.peak_bytes for c in costs)),
        row("  lower bound", None, *(c.lower_bound_bytes for c in costs)),
        row("arena", before.tflm_arena_bytes, *(c.tflm_arena_bytes for c in costs)),
        row("SRAM in C", None, *(c.sram_bytes + c.row_bytes for c in costs)),
        row("  stack", None, *(c.stack_bytes for c in costs)),
        row("flash in C", None, *(c.flash_bytes for c in costs)),
        row("  of it code", None, *(c.code_bytes for c in costs)),
        row("model file", before.file_bytes, *(c.file_bytes for c in costs)),
        row("MACs", before.macs, *(c.macs for c in costs)),
        row("instructions, Cortex-M4", None, *(c.instructions for c in costs)),
        row("differing bytes of outputs", None, *(c.differing_bytes for c in costs)),
    )
    return Table(("<", "original", *ways), rows)


def latency_table(cost: Cost) -> Table:
    """Boards with the core on which instructions were counted."""
    known = (boards.get(name) for name in boards.names())
    rows = (
        (board.title, f"{board.clock_hz // 1_000_000} MHz", f"{ms:,.1f} ms")
        for board in known
        if has_emulated_core(board)
        for ms in (estimated_ms(cost.instructions, board),)
    )
    return Table(("<Board", "clock", "inference"), tuple(rows))


# ---- How to make it again ----------------------------------------------------------------


def _reproduce(entry: Entry, results: Results | None) -> Iterator[str]:
    commands = [entry.recipe] + ([results.made["command"]] if results else [])
    yield "```sh\n" + "\n".join(commands) + "\n```"
    if results is not None:
        yield _provenance(results)
    digests = entry.sha256 | (_variant_digests(results) if results else {})
    yield "\n".join(f"* `{file}`: sha256 {digest}" for file, digest in digests.items())


def _variant_digests(results: Results) -> dict[str, str]:
    """By file, with the commit at which it was asked if that is another than that of all."""
    found = {}
    for variant in results.variants.values():
        commit: str = variant.get("commit") or results.made["commit"]
        asked = f", asked at commit {commit[:12]}" if commit != results.made["commit"] else ""
        found[variant["file"]] = variant["sha256"] + asked
    return found


def _provenance(results: Results) -> str:
    """What the figures were measured with."""
    made = results.made
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    changes = " with uncommitted changes" if made["uncommitted_sources"] else ""
    return (
        f"Evaluated at commit {made['commit'][:12]}{changes}, Python {made['python']}, {packages}."
        + (f" Asked at commit {made['answers_commit'][:12]}." if "answers_commit" in made else "")
    )

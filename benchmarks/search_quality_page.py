# SPDX-License-Identifier: Apache-2.0
"""results/search_quality_<task>.md from results/search_quality_<task>.json."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks import search_quality_figures as figures
from benchmarks.results import Json, markdown, provenance_text
from tflm_mcunet.report.text import Table

TAU_WANTED = 0.5
FOUND = "found"


def page(measured: Json) -> str:
    """The whole page."""
    task = measured["task"]
    made_at = ", ".join(commit[:12] for commit in measured["made_at"])
    is_search = "search" in measured
    parts = [
        f"# Quality of the search on {task['name']}",
        f"{provenance_text(measured)} The parts were trained at commit {made_at}.",
        _setting(measured) if is_search else _zoo_setting(measured),
        f"![Ranks of networks](search_quality_{task['name']}.png)",
        "## Do shared weights tell which networks are better?",
        *_ranks(measured["ranking"], task),
    ]
    if measured["methods"]:
        parts += [
            "## Is evolution better than random search?",
            *_methods(measured["methods"], task),
        ]
    if is_search and any(made["runs"] for made in measured["comparison"].values()):
        parts += [
            "## Is the network found better than others of its memory?",
            *_comparison(measured["comparison"], task),
        ]
    return "\n\n".join(parts) + "\n"


def _zoo_setting(measured: Json) -> str:
    task, supernet = measured["task"], measured["supernet"]
    limits = (
        f" Limits of the searches: {task['sram']:,} bytes of SRAM, fed row by row, and "
        f"{task['macs']:,} MACs."
    )
    return (
        "The supernet, the space and the teacher are those of the zoo's person networks, see "
        f"`zoo/recipes/person_networks.py`: {supernet['epochs']} epochs {_optimizer(supernet)}, "
        f"{supernet['warm_up']} of them the largest network alone; the networks by themselves "
        f"learn from the same crops and teacher.{limits if measured['methods'] else ''} "
        "How the zoo's networks compare with "
        "others is in [its comparison](zoo_comparison.md)."
    )


def _setting(measured: Json) -> str:
    task, found = measured["task"], measured["search"]
    supernet, space, cost = found["supernet"], found["space"], found["cost"]
    earlier = ", in an earlier search" if supernet["borrowed"] else ""
    return (
        f"Limits: {task['sram']:,} bytes of SRAM, fed row by row, and {task['flash']:,} bytes of "
        "flash for weights and tables, by the converter's planner. Stage one chose inputs of "
        f"{space['resolution']} rows and width multiplier {space['width']:g}. One supernet was "
        f"trained for {supernet['epochs']} epochs {_optimizer(supernet)} ({supernet['warm_up']} of "
        f"them the largest network alone{earlier}), and evolution evaluated "
        f"{found['evaluated']} networks with it. It found "
        f"`{found['description']}`: {cost['sram_bytes']:,} bytes of SRAM, "
        f"{cost['flash_bytes']:,} of flash, {cost['macs'] / 1e6:.2f}M MACs."
    )


def _optimizer(supernet: Json) -> str:
    name = {"sgd": "SGD", "adam": "Adam"}[supernet["optimizer"]]
    return f"with {name} at {supernet['learning_rate']:g}"


def _rate(task: Json) -> str:
    """Of the networks by themselves; older figures do not tell."""
    return f" with Adam at {task['rate']:g}" if "rate" in task else ""


# ---- Ranks ---------------------------------------------------------------------------------------


def _ranks(ranking: Json, task: Json) -> list[str]:
    inherited, alone = figures.accuracies(ranking)
    examples, _ = figures.by_example(ranking)
    low, high = figures.tau_interval(ranking)
    value = figures.tau(ranking)
    verdict = "reached" if value >= TAU_WANTED else "**not reached**"
    return [
        f"{task['ranked']} of 1,000 {_sample(ranking)}, spread evenly over its MACs by ratio, "
        f"whether they keep to the limits or not{_missing(task['ranked'] - len(inherited))}. "
        f"Each was trained by itself for {task['ranked_epochs']} epochs{_rate(task)}, "
        f"with {_seeds(len(alone))}, and evaluated with the supernet's weights, its batch "
        "normalizations recalibrated. Accuracies are means over "
        f"{ranking['views']} views of each of {examples.shape[1]} validation examples; one of them "
        f"has a standard error of about {100 * figures.standard_errors(examples).mean():.1f} "
        "points, less for differences, since all see the same examples. They lie between "
        f"{_range(inherited)} with the supernet's weights, and between "
        f"{_range(alone.mean(axis=0))} by themselves.",
        f"**Kendall's tau {value:.2f}**, wanted {TAU_WANTED}: {verdict}. 90 % of resampled "
        f"validation sets give {low:.2f} to {high:.2f}. {_clear_pairs(ranking)} "
        f"{_between_seeds(inherited, alone)}",
        markdown(_ranked_table(ranking, inherited, alone)),
    ]


def _sample(ranking: Json) -> str:
    """Older figures are of random networks."""
    if "sample" not in ranking:
        return "random networks of the space"
    return (
        "networks of all sizes in the space, each the smallest or the largest with a random share "
        "of its choices drawn anew"
    )


def _range(accuracies: np.ndarray) -> str:
    return f"{accuracies.min():.1%} and {accuracies.max():.1%}"


def _missing(count: int) -> str:
    verb = "was" if count == 1 else "were"
    return f"; {count} of them {verb} not trained for want of time" if count else ""


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _clear_pairs(ranking: Json) -> str:
    pairs, clear, alike = figures.clear_pairs(ranking)
    return (
        f"By themselves, {clear} of the {pairs} pairs of networks differ by more than "
        f"{figures.CLEAR:g} standard errors of their difference on these examples; shared weights "
        f"rank {alike} of those {clear} alike. What order the others have is not known."
    )


def _between_seeds(inherited: np.ndarray, alone: np.ndarray) -> str:
    if len(alone) < 2:
        return "What another seed of a network by itself would change was not measured."
    single = np.mean([figures.kendall_tau(inherited, seed) for seed in alone])
    pairs = [figures.kendall_tau(alone[i], alone[j]) for i in range(len(alone)) for j in range(i)]
    return (
        f"With a single seed by itself it is {single:.2f} on average; between two seeds, which "
        f"differ by noise alone, {np.mean(pairs):.2f}."
    )


def _ranked_table(ranking: Json, inherited: np.ndarray, alone: np.ndarray) -> Table:
    headers = (
        "<network",
        "MMACs",
        "SRAM, bytes",
        "flash, bytes",
        "supernet's weights",
        *(f"by itself, seed {seed}" for seed in range(len(alone))),
    )
    rows = (
        (
            f"`{network['description']}`".replace("|", r"\|"),
            f"{network['macs'] / 1e6:.2f}",
            f"{network['sram_bytes']:,}",
            f"{network['flash_bytes']:,}",
            *(f"{accuracy:.1%}" for accuracy in (inherited[i], *alone[:, i])),
        )
        for i, network in enumerate(ranking["networks"])
    )
    return Table(headers, tuple(rows))


# ---- Searches ------------------------------------------------------------------------------------


def _methods(methods: Json, task: Json) -> list[str]:
    population, generations = task["evaluations"]
    return [
        f"{population * generations} evaluations each ({generations} generations of {population}), "
        "all of networks within the limits, by accuracy on the validation split with the "
        "supernet's weights. With a predictor, five times as many children are drawn, and those "
        "evaluated for which a ridge regression on all networks before predicts the most.",
        markdown(_methods_table(methods)),
    ]


def _methods_table(methods: Json) -> Table:
    quarters = (0.25, 0.5, 1.0)
    curves = {name: figures.best_so_far(runs) for name, runs in methods.items()}
    evaluations = [round(share * next(iter(curves.values())).shape[1]) for share in quarters]
    headers = ("<method", "seeds", *(f"best after {count}" for count in evaluations), "the best")
    rows = (
        (
            name,
            f"{len(found)}",
            *(_spread(found[:, count - 1]) for count in evaluations),
            ", ".join(f"{best:.1%}" for best in found[:, -1]),
        )
        for name, found in curves.items()
    )
    return Table(headers, tuple(rows))


# ---- Networks ------------------------------------------------------------------------------------


def _comparison(comparison: Json, task: Json) -> list[str]:
    done = {key: made for key, made in comparison.items() if made["runs"]}
    missing = [made["title"] for made in comparison.values() if not made["runs"]]
    found = done[FOUND]["runs"]
    others = [key for key in done if not key.startswith(FOUND)]
    examples = figures.right(found, "test").shape[1]
    return [
        f"Each as wide as the limits allow, trained for {task['epochs']} epochs from random "
        f"weights with {_seeds(task['seeds'])}: the same clips or images, augmentation, batches, "
        "optimizer and learning rate; but for the row that begins with the supernet's weights, "
        f"whose epochs come on top. {examples} test examples. SRAM, flash and MACs are those of "
        "the quantized files by the converter's planner. Networks that learn slowly are at a "
        "disadvantage with so few epochs. Only here was the test split used.",
        markdown(_comparison_table(done)),
        *([f"Not trained for want of time: {'; '.join(missing)}."] if missing else []),
        "Points of test accuracy by which the found network, trained from random weights, is "
        f"better, ± standard error ({_error_of(task)}); within {figures.CLEAR:g} of them it counts "
        "as noise:",
        "\n".join(_verdict(found, done[key]) for key in others),
    ]


def _error_of(task: Json) -> str:
    if task["seeds"] > 1:
        return "seeds and test examples"
    return "of test examples alone: what other seeds would change was not measured"


def _verdict(found: Sequence[Json], other: Json) -> str:
    value, error = figures.difference(found, other["runs"], "test")
    if abs(value) <= figures.CLEAR * error:
        text = "within noise"
    else:
        text = "better" if value > 0 else "**worse**"
    return f"* {other['title']}: {100 * value:+.1f} ± {100 * error:.1f}, {text}"


def _comparison_table(comparison: Json) -> Table:
    headers = (
        "<network",
        "SRAM, bytes",
        "flash, bytes",
        "MMACs",
        "parameters",
        "validation",
        "test",
        "test, int8",
    )
    rows = []
    for made in comparison.values():
        first = made["runs"][0]
        splits = (figures.right(made["runs"], s) for s in ("val", "test", "test_int8"))
        rows.append(
            (
                made["title"],
                f"{first['sram_bytes']:,}",
                f"{first['flash_bytes']:,}",
                f"{first['macs'] / 1e6:.2f}",
                f"{first['parameters']:,}",
                *(_spread(right.mean(axis=1)) for right in splits),
            )
        )
    return Table(headers, tuple(rows))


def _spread(values: np.ndarray) -> str:
    if len(values) == 1:
        return f"{values[0]:.1%}"
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f} %"

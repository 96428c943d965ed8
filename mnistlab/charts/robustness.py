"""Accuracy over corruptions and their severity."""

from __future__ import annotations

from collections.abc import Sequence

from mnistlab.markup import escape, note, table
from mnistlab.metrics.evaluation import Robustness
from mnistlab.texts import counted, percent


def robustness_table(results: Sequence[Robustness]) -> str:
    """Accuracy by corruption (rows) and severity (columns) of each model, with the means.

    Parameters
    ----------
    results : of the same corruptions, severities and images; empty gives an empty text
    """
    if not results:
        return ""
    first = results[0]
    groups = "".join(
        f"<th scope='colgroup' colspan='{len(r.severities) + 1}'>{escape(r.title)}</th>"
        for r in results
    )
    columns = "".join(
        "".join(f"<th scope='col'>{s}</th>" for s in r.severities) + "<th scope='col'>mean</th>"
        for r in results
    )
    body = "".join(_row(name, results, i) for i, name in enumerate(first.corruptions))
    return (
        f"{_means(results)}<div class='ml-scroll'><table class='ml-matrix ml-robustness'>"
        "<caption>Accuracy in percent, by corruption and severity</caption>"
        f"<thead><tr><th scope='col' rowspan='2'>Corruption</th>{groups}</tr>"
        f"<tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
        + note(f"{counted(first.n, 'image')} in each cell; darker cells have more errors.")
    )


def _means(results: Sequence[Robustness]) -> str:
    rows = [[r.title, percent(r.clean, 1), percent(r.mean, 1)] for r in results]
    return table(["Model", "Unchanged images", "Mean over all corruptions"], rows, "Means")


def _row(name: str, results: Sequence[Robustness], index: int) -> str:
    cells = []
    for result in results:
        accuracies = [float(a) for a in result.accuracy[index]]
        cells += [_cell(accuracy) for accuracy in accuracies]
        cells.append(_cell(sum(accuracies) / len(accuracies), "ml-mean "))
    return f"<tr><th scope='row'>{escape(name)}</th>{''.join(cells)}</tr>"


def _cell(accuracy: float, kind: str = "") -> str:
    style = f"--fraction:{1 - accuracy:.2f}"
    return f"<td class='{kind}ml-wrong' style='{style}'>{100 * accuracy:.1f}</td>"

"""Accuracy by corruption and severity."""

from __future__ import annotations

from collections.abc import Sequence

from mnistlab.figures.markup import escape, percent
from mnistlab.metrics.robustness import Robustness


def robustness_table(results: Sequence[Robustness]) -> str:
    """One or two models side by side: a row for each corruption, a column for each severity."""
    first = results[0]
    groups = "".join(
        f"<th scope='colgroup' colspan='{len(first.severities) + 1}'>{escape(each.title)}</th>"
        for each in results
    )
    columns = "".join(f"<th scope='col'>{s}</th>" for s in first.severities)
    heads = (columns + "<th scope='col'>mean</th>") * len(results)
    rows = [
        _row("as they are", [[each.clean] * len(first.severities) for each in results], [
            each.clean for each in results
        ])
    ]  # fmt: skip
    for i, name in enumerate(first.corruptions):
        values = [each.accuracy[i].tolist() for each in results]
        rows.append(_row(name, values, [float(each.accuracy[i].mean()) for each in results]))
    means = " and ".join(f"{each.title} {percent(each.mean, 1)}" for each in results)
    return (
        f"<p class='ml-sentence'>{escape(f'Over all corruptions: {means}.')}</p>"
        "<div class='ml-scroll'><table class='ml-table ml-heat' "
        "aria-label='Accuracy in percent by corruption and severity'>"
        f"<thead><tr><td></td>{groups}</tr><tr><th scope='col'>corruption</th>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        f"<p class='ml-note'>Accuracy in percent on {first.n:,} test images; severity 1 is hardly "
        "seen, 5 is strong.</p>"
    )


def _row(name: str, values: list[list[float]], means: list[float]) -> str:
    cells = "".join(
        "".join(_cell(value) for value in row) + _cell(mean, bold=True)
        for row, mean in zip(values, means, strict=True)
    )
    return f"<tr><th scope='row'>{escape(name)}</th>{cells}</tr>"


def _cell(value: float, bold: bool = False) -> str:
    text = f"{100 * value:.1f}"
    inside = f"<b>{text}</b>" if bold else text
    return f"<td style='--share:{1 - value:.2f}'>{inside}</td>"

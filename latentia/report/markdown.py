"""The report's numbers as Markdown: the summary, one table, the protocol."""

from collections.abc import Sequence

from latentia.data import Facts
from latentia.report.evaluate import Evaluation
from latentia.report.summary import summarise
from latentia.report.table import Row, refusals, rows

ARROWS = {"higher": " ↑", "lower": " ↓", "as real": " ≈", None: ""}


def to_markdown(facts: Facts, evaluations: Sequence[Evaluation], steadiness: Sequence[str]) -> str:
    """Everything that a paper's table needs, and the protocol to repeat it by."""
    names = [evaluation.name for evaluation in evaluations]
    lines = [*summarise(facts, evaluations), ""]
    lines += _line(["measure", *names, "real images", "Gaussian"])
    lines += _line(["---", *["---:"] * (len(names) + 2)])
    for row in rows(evaluations):
        lines += _line([row.label + ARROWS[row.better], *_cells(row), row.real, row.gaussian])
    lines += ["", "± holds 95 % of what other draws would give; the best draws of a row are bold.", ""]
    lines += [f"- Left out: {letter}" for letter in refusals(evaluations)]
    lines += [f"- Copies: {evaluation.name}: {evaluation.verdict}" for evaluation in evaluations]
    lines += [f"- Stability: {sentence}" for sentence in steadiness]
    lines += [f"- {e.name}: {' '.join(e.model_protocol)}" for e in evaluations]
    lines += [f"- {sentence}" for sentence in evaluations[0].sample_protocol]
    lines.append(
        f"- Data: {facts.name}, {facts.num_train:,} training, {facts.num_validation:,} validation, "
        f"{facts.num_test:,} test images, {facts.levels} levels, fingerprint {facts.fingerprint[:16]}."
    )
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    texts = [f"**{cell.text}**" if cell.best else cell.text for cell in row.cells]
    return [
        f"{text} ({cell.remark})" if cell.remark else text
        for text, cell in zip(texts, row.cells, strict=True)
    ]


def _line(cells: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"]

"""The report: true sentences, complete tables, one file that opens offline."""

import base64
import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import pytest
import torch
from PIL import Image

from latentia.metrics import PixelFeatures
from latentia.report import compare, evaluate, make_yardstick
from latentia.report.summary import summarise
from latentia.report.table import rows


class Page(HTMLParser):
    """Collects what a browser would fetch, and checks that tags close."""

    def __init__(self, text):
        super().__init__()
        self.sources, self.alts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.sources += [named[key] for key in ("src", "srcset", "href") if key in named]
        if tag == "img":
            self.alts.append(named.get("alt", ""))
        if tag not in ("img", "meta", "br", "source", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="session")
def html(report):
    return report.html


def test_the_page_asks_nothing_of_the_network(html):
    page = Page(html)
    assert len(page.sources) > 10
    assert page.open == []
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    for forbidden in ("http://", "https://", "@import", "url(", "<script", "<link"):
        assert forbidden not in html
    for source in page.sources:
        Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))).verify()


def test_every_picture_has_words_for_those_who_cannot_see_it(html):
    alts = Page(html).alts
    assert all(len(alt) > 15 for alt in alts)


def test_the_page_shows_both_families_and_the_protocol(html):
    for words in (
        "implicit: no density",
        "decoder means",
        "cannot encode",
        "Sliced Wasserstein",
        "Fingerprint",
        "hash ",
    ):
        assert words in html
    assert "forger: copies training images" in html
    assert "pca: no sign of copying" in html


def test_names_are_escaped(pca, store):
    hostile = dataclasses.replace(pca, name="<script>alert(1)</script>")
    page = compare([hostile], store, num_samples=50, num_draws=2, progress=False).html
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_save_makes_folders_and_json_can_be_written(report, tmp_path):
    path = report.save(tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == report.html
    numbers = json.loads(json.dumps(report.to_json(), allow_nan=False))
    pca, forger = numbers["models"]
    assert pca["likelihood"]["bits_per_dim"] > 0
    assert pca["likelihood"]["unit"] == "nats an image"
    assert forger["likelihood"] is None
    assert [quality["kind"] for quality in pca["samples"]] == ["draws", "decoder means, no draws"]
    assert len(pca["protocol"]) >= 6
    distance = pca["samples"][0]["kernel_distance"]
    assert distance["low"] < distance["value"] < distance["high"]
    assert forger["memorisation"]["p_value"] < 0.001
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) == numbers
    assert path.with_suffix(".md").read_text(encoding="utf-8") == report.markdown


def test_markdown_has_every_measure_and_the_protocol(report):
    from latentia.report.measures import MEASURES

    lines = report.markdown.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {6}  # measure, two models, real images, Gaussian
    for key, measure in MEASURES.items():
        refused = all(key in e.draws.refusals for e in report.evaluations)
        assert any(measure.label in line for line in table) != refused
    assert any("fingerprint" in line for line in lines)
    for evaluation in report.evaluations:
        assert f"- Copies: {evaluation.name}: {evaluation.verdict}" in lines


def test_a_page_that_is_watched_reloads_itself(report, tmp_path):
    page = report.save(tmp_path / "report.html", refresh=30).read_text(encoding="utf-8")
    assert '<meta http-equiv="refresh" content="30">' in page
    assert "http-equiv" not in report.html


def test_a_notebook_gets_the_page_in_a_frame_of_its_own(report):
    shown = report._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count('"') == 6


def test_a_forger_is_precise_narrow_and_found_out(report):
    pca, forger = report.evaluations
    assert forger.draws.numbers["precision"].value > 0.8
    assert forger.draws.numbers["recall"].value < pca.bounds[0].numbers["recall"].value
    assert forger.copies
    assert not pca.copies
    real, gaussian = pca.bounds
    for key in ("sliced_wasserstein", "kernel_distance", "two_sample_accuracy"):
        assert real.numbers[key].value < gaussian.numbers[key].value
    assert real.numbers["precision"].value > gaussian.numbers["precision"].value


def test_the_most_suspicious_pairs_of_a_forger_are_copies(report, store):
    forger = report.evaluations[1]
    samples, originals = forger.search.pairs.chunk(2)
    assert (samples - originals).square().mean((1, 2, 3)).sqrt().max() < 0.1
    train = store.split("train").images(slice(None)).flatten(1)
    assert (torch.cdist(originals.flatten(1), train).min(1).values == 0).all()


def test_too_few_images_are_refused_by_name(pca, store):
    few = evaluate(pca, store, num_samples=30, num_draws=2)
    assert few.search is None
    assert "needs 50 samples" in few.verdict
    assert "frechet_distance" in few.draws.refusals
    assert "kernel_distance" in few.draws.refusals["frechet_distance"]
    assert "kernel_distance" in few.draws.numbers
    assert few.draws.refusals["frechet_distance"] in str(few)


def test_same_seed_same_numbers(pca, store, report):
    again = evaluate(pca, store, num_samples=200, num_draws=8)
    assert again.to_json() == report.evaluations[0].to_json()
    assert evaluate(pca, store, num_samples=200, num_draws=8, seed=1).to_json() != again.to_json()


def test_a_lead_within_its_error_is_called_so(report, store):
    """The errors of both bounds count: a lead of 1.96 of their joint error divides the sentences."""
    pca = report.evaluations[0]
    error = (2 * pca.likelihood.standard_error**2) ** 0.5
    for lead, said in ((1.9 * error, "not clearly more"), (2.0 * error, "nats more than pca, the next")):
        better = dataclasses.replace(pca.likelihood, mean=pca.likelihood.mean + lead)
        twin = dataclasses.replace(pca, name="twin", likelihood=better)
        assert said in summarise(store.facts, [pca, twin])[1]


def test_every_likelihood_is_printed_with_its_interval(report, store):
    """± is 95 % in the sentences, in the table, and in the text of an evaluation."""
    pca = report.evaluations[0]
    one = dataclasses.replace(pca.likelihood, mean=-100.0, standard_error=2.0)
    pca = dataclasses.replace(pca, likelihood=one)
    assert "−100.0 ± 3.9 nats each on average" in summarise(store.facts, [pca])[1]
    assert "bound: −100.00 ± 3.92 nats an image" in str(pca)
    assert rows([pca])[0].cells[0].text == "−100.00 ± 3.92"


def test_sentences_hold_for_one_model_for_one_family_and_for_ties(report, store):
    pca, forger = report.evaluations
    assert "Its draws lie" in summarise(store.facts, [pca])[2]
    assert "None of the models is explicit" in summarise(store.facts, [forger])[1]
    assert "forger copies training images" in summarise(store.facts, [forger])[2]
    assert "no sign of copied" in summarise(store.facts, [pca])[2]
    assert "no clearly closer" in summarise(store.facts, [pca, dataclasses.replace(pca, name="twin")])[2]
    twin = dataclasses.replace(pca, name="twin")
    assert "not clearly more" in summarise(store.facts, [pca, twin])[1]
    better = dataclasses.replace(pca.likelihood, mean=pca.likelihood.mean + 10)
    sentence = summarise(store.facts, [pca, dataclasses.replace(twin, likelihood=better)])[1]
    assert sentence.startswith("twin gives")
    assert "10.0 nats more than pca" in sentence
    poor = dataclasses.replace(pca, bounds=(pca.bounds[0], pca.draws))
    assert "no better than that Gaussian" in summarise(store.facts, [poor])[2]


def test_one_implicit_model_alone_makes_a_page(forger, store):
    silent = dataclasses.replace(forger, history=[])
    page = compare([silent], store, num_samples=50, progress=False).html
    assert "keep no log" in page
    assert "Explicit models" not in page


def test_small_test_splits_are_said_and_sets_are_disjoint(store):
    yardstick = make_yardstick(store, num_samples=400)
    assert "disjoint" in yardstick.origin
    assert "all splits together" in yardstick.origin
    reference, others = yardstick.reference.flatten(1), yardstick.others.flatten(1)
    assert (torch.cdist(reference, others) == 0).sum() <= 2  # the digits hold hardly any duplicates
    assert len(reference) == len(others) == 400


def test_costly_features_of_the_reference_are_computed_once(store):
    class Costly(PixelFeatures):
        costly, asked = True, []

        def _embed(self, images):
            self.asked.append(len(images))
            return super()._embed(images)

    space = Costly(store.split("train").images(slice(0, 100)))

    def judged(**changes):
        yardstick = make_yardstick(store, num_samples=50, features="pixels", progress=False)
        changed = dataclasses.replace(yardstick, space=space, recogniser=None, **changes)
        Costly.asked.clear()
        return changed.judge(yardstick.others, "real images"), list(Costly.asked)

    first, both_sets = judged()
    again, one_set = judged()
    assert (both_sets, one_set) == ([50, 50], [50])
    assert again.to_json() == first.to_json()
    other, asked = judged(reference=store.split("validation").images(slice(0, 50)))
    assert asked == [50, 50], "another reference has features of its own"
    assert other.to_json() != first.to_json()


def test_the_gaussian_has_the_moments_of_the_training_images(store):
    from latentia.report.yardstick import gaussian_like

    images = store.split("train").images(slice(None))
    train, drawn = images.flatten(1), gaussian_like(images, 20_000, 0).flatten(1)
    inner = (train.mean(0).abs() + 2 * train.std(0)) < 1  # clamping changes the others
    torch.testing.assert_close(drawn.mean(0)[inner], train.mean(0)[inner], atol=0.02, rtol=0)
    centre = 8 * 3 + 3
    assert abs(drawn.mean(0)[centre] - train.mean(0)[centre]) < 0.2
    measured, expected = drawn.T.corrcoef()[centre], train.T.corrcoef()[centre]
    alive = expected.isfinite() & measured.isfinite()
    assert (measured - expected)[alive].abs().max() < 0.25


@pytest.mark.parametrize(
    ("change", "letter"),
    [
        ({"num_samples": 5}, "20 to 898"),
        ({"num_samples": 5000}, "20 to 898"),
        ({"features": "inceptoin"}, "inception"),
    ],
)
def test_impossible_sizes_are_refused(pca, store, change, letter):
    with pytest.raises(ValueError, match=letter):
        compare([pca], store, progress=False, **change)


def test_contestants_are_checked(pca, forger, store):
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([], store)
    with pytest.raises(ValueError, match="share a name"):
        compare([pca, pca], store)
    with pytest.raises(ValueError, match="training mode"):
        dataclasses.replace(forger, model=type(forger.model)(torch.zeros(50, 1, 8, 8)).train())
    other = type(forger.model)(torch.zeros(50, 1, 16, 16)).eval()
    with pytest.raises(ValueError, match=re.escape("(1, 16, 16)")):
        evaluate(dataclasses.replace(forger, model=other), store)
    broken = type(forger.model)(torch.full((50, 1, 8, 8), float("nan"))).eval()
    with pytest.raises(ValueError, match="not numbers"):
        evaluate(dataclasses.replace(forger, model=broken), store, num_samples=20)


def test_the_text_of_an_evaluation_has_every_number_and_its_protocol(report):
    text = str(report.evaluations[0])
    for words in ("nats an image", "bits/dim", "decoder means", "real images", "Protocol", "K = 8"):
        assert words in text
    assert "the model is implicit" in str(report.evaluations[1])


def test_the_best_of_a_row_is_marked_unless_two_are_equal(report):
    pca, forger = report.evaluations
    marked = {row.label: [cell.best for cell in row.cells] for row in rows([pca, forger])}
    assert marked["Precision"] == [False, True]
    assert marked["Log-likelihood, bound"] == [False, False]
    assert not any(cell.best for row in rows([pca, pca]) for cell in row.cells)


def test_steadiness_is_told_over_seeds_and_of_failures(pca, forger):
    from latentia.report.steadiness import steadiness

    alone = steadiness([pca])[0]
    assert "one seed" in alone
    assert "100%" not in alone  # the best look of a falling distance is the last, before the run's end
    twin = dataclasses.replace(pca, name="twin", seed=1)
    stopped = [*pca.history, {"images_seen": 6000, "seconds": 9.0, "stopped": "rate became nan"}]
    broken = dataclasses.replace(pca, name="broken", seed=2, history=stopped)
    together = steadiness([pca, twin, broken, forger])
    assert together[0].startswith("vae.pca, 3 runs of 3 seeds (pca, twin, broken): 1 of 3 runs failed")
    assert "not looked at" in together[1]
    assert "failed: rate became nan" in steadiness([broken])[0]
    copied = dataclasses.replace(pca, name="copy")
    assert steadiness([pca, copied])[0].startswith("vae.pca, 2 runs of 1 seed (pca, copy): 0 of 2 runs")

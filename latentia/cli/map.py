"""`latentia map`: where images lie in a run's latent space."""

import torch

from latentia.cli.changes import given_for
from latentia.cli.draw import picture, told
from latentia.cli.flags import Device, MaybeCount, MaybeSource, OutputFile, Run
from latentia.protocols import Encodes
from latentia.recipes import open_run
from latentia.report.latent_map import known_of, map_page
from latentia.report.runs import images_for
from latentia.tasks import MapMethod, latents_of, lay_out, thumbnails

ENCODED, INVERTED = 1000, 100
"""Images on a map where nobody says how many: encoding costs little, inversion seconds an image."""


def map(
    run: Run,
    *,
    out: OutputFile,
    data: MaybeSource = None,
    method: MapMethod = "pca",
    num: MaybeCount = None,
    seed: int = 0,
    device: Device = "auto",
) -> int:
    """Draw a map of test images, each where its latents lie: as a picture, or as an interactive page.

    Examples:
      latentia map runs/faces --out map.png                    thumbnails
      latentia map runs/faces --out map.html                   dots; the pointer shows their images
      latentia map runs/faces --out map.html --method umap     needs latentia[umap]

    Args:
        run: Folder of the run. Where its model does not encode, images are inverted.
        out: A .png file for thumbnails, or a .html file, which holds its images and opens offline.
        data: Images to show, instead of the run's own.
        method: pca projects onto the directions in which latents vary most; umap keeps neighbours together.
        num: How many test images, at least 3: 1000 without it, 100 where they are inverted.
        seed: Of UMAP, and of the starts of inversions.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if out.suffix not in (".png", ".html"):
        raise ValueError(f"--out is {out}; a map is a .png or a .html file.")
    opened = open_run(run, device=device)
    place = next(opened.model.parameters()).device
    store = images_for(opened, data)
    test = store.split("test")
    usual = ENCODED if isinstance(opened.model, Encodes) else INVERTED
    rows = slice(0, min(usual, len(test)) if num is None else num)
    if not 3 <= rows.stop <= len(test):
        raise ValueError(
            f"--num is {rows.stop}; there are {len(test)} test images, and a map shows 3 or more."
        )
    images, given = test.images(rows), given_for(opened, test, rows)
    latents = latents_of(
        opened.model,
        images.to(place),
        given=None if given is None else given.to(place),
        generator=torch.Generator(place).manual_seed(seed),
        progress=True,
    ).cpu()
    layout = lay_out(latents, method, seed=seed)
    if out.suffix == ".png":
        cells = max(4, round(len(images) ** 0.5))
        return picture(
            thumbnails(layout, images, cells), out, cells, f"{len(images)} images, {layout.caption}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    title = f"Latents of {store.facts.name} by {opened.recipe}"
    page = map_page(title, layout, images, test.names[rows], known_of(test, store.facts, rows))
    out.write_text(page, encoding="utf-8")
    return told(out, f"{len(images)} images, {layout.caption}")

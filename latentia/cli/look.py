"""`latentia data` and `latentia recipes`: look before you train."""

import json as jsonlib
from dataclasses import asdict

from latentia import recipes as room
from latentia.cli.flags import AS_IT_COMES, MaybeFile, Prepared, Source, Switch
from latentia.cli.letters import DONE, say
from latentia.data import contact_sheet, prepare


def data(
    source: Source, *, json: Switch = False, sheet: MaybeFile = None, preparation: Prepared = AS_IT_COMES
) -> int:
    """Look at a source of images as training would see it: count, sizes, classes, bad files.

    Examples:
      latentia data photos/ --sheet sheet.png
      latentia data faces.zip --size 32 --split folder
      latentia data mnist --json

    Args:
        source: A folder of images, a zip or tar of one, an IDX, .npy or .npz file, or one of the names
            digits, shapes, mnist, fashion-mnist, cifar10, lfw, celeba.
        json: Print the report as JSON, and nothing else, to stdout.
        sheet: Write a contact sheet to this PNG file.
        preparation: How the source becomes images.
    """
    store = prepare(source, preparation, progress=True)
    print(jsonlib.dumps(store.report.to_json(), indent=2) if json else store.report)
    if sheet is not None:
        contact_sheet(store).save(sheet)
        say(f"The contact sheet is in {sheet}.")
    if not json:
        say(f"Next: latentia train vae.gaussian {source} --out runs/NAME")
    return DONE


def recipes(*, json: Switch = False) -> int:
    """List the models that can be trained, and what each can do.

    Examples:
      latentia recipes
      latentia train vae.gaussian --help    the flags of one of them

    Args:
        json: Print the list as JSON, and nothing else, to stdout.
    """
    described = [room.describe(name) for name in room.names()]
    if json:
        print(jsonlib.dumps([asdict(recipe) for recipe in described], indent=2))
        return DONE
    for recipe in described:
        family = "implicit" if recipe.density == "none" else f"explicit, density: {recipe.density}"
        can = ", ".join(("sample", *recipe.can))
        flags = " ".join("--" + name.replace("_", "-") for name in recipe.arguments)
        print(f"{recipe.name}  ({family})\n  {recipe.sentence}\n  can: {can}\n  flags: {flags}\n")
    say("`latentia train RECIPE --help` says what the flags mean.")
    return DONE

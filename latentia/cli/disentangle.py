"""`latentia disentangle`: does each factor of drawn shapes have a latent of its own?"""

from latentia.cli.flags import Count, Device, Run
from latentia.cli.letters import DONE
from latentia.metrics import measure_disentanglement
from latentia.recipes import open_run


def disentangle(
    run: Run, *, num: Count = 10_000, votes: Count = 800, seed: int = 0, device: Device = "auto"
) -> int:
    """Measure how disentangled the latents of a run on `shapes` are: MIG, SAP, DCI and the FactorVAE score.

    Of every score 1 is best. The table tells gaps for each factor as well: of rotation 0.75 is the most that
    there is, since squares and ellipses look the same when they are turned far enough.

    Examples:
      latentia disentangle runs/shapes                 after `latentia train vae.tc shapes --out runs/shapes`
      latentia disentangle runs/shapes --votes 2000    a finer FactorVAE score

    Args:
        run: Folder of the run. It must have learned `shapes`, and its model must encode.
        num: Images that are drawn for the scores.
        votes: Groups of 64 images for the FactorVAE score.
        seed: Draws the factors of these images.
        device: Where to compute: auto, cpu, cuda, cuda:1 or mps.
    """
    if num < 1000 or votes < 100:
        raise ValueError(f"Got --num {num} and --votes {votes}; expected at least 1000 and 100.")
    opened = open_run(run, device=device)
    if opened.source != "shapes":
        raise ValueError(
            f"{opened.path} learned {opened.facts.name}, whose factors nobody knows. Disentanglement is "
            f"measured on the built-in shapes: `latentia train vae.tc shapes --out runs/shapes`."
        )
    print(measure_disentanglement(opened.model, num_images=num, num_votes=votes, seed=seed))
    print(f"{num:,} images, codes are means of q(z|x), {votes} votes of 64 images, seed {seed}")
    return DONE

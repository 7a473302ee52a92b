"""Data: from a source of images to a checked store, and an endless order of its images.

`prepare` opens the store of a source, `Order` says which images come next, and `pictures` turns
images back into something to look at.
"""

from latentia.data.contact import contact_sheet
from latentia.data.facts import Facts, Preparation
from latentia.data.order import Order
from latentia.data.report import SourceReport
from latentia.data.sources import NAMES
from latentia.data.store import ImageStore, Split, Supply, cache_folder, prepare

__all__ = [
    "NAMES",
    "Facts",
    "ImageStore",
    "Order",
    "Preparation",
    "SourceReport",
    "Split",
    "Supply",
    "cache_folder",
    "contact_sheet",
    "prepare",
]

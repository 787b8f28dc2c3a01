"""Remake srbm_book/data/patches.npz, patches of a photograph: python -m results.patches

Tiles of 3 x 3 pixels, in grey levels, of `china.jpg`, one of the two photographs that scikit-learn brings: by
danielbuechele on Flickr, under CC BY 2.0. No two tiles overlap. They are stored because decoders of JPEG differ in
the last bit.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_image

DATA = Path(__file__).parent.parent / "srbm_book" / "data" / "patches.npz"
SIDE, KEPT = 3, 6000


def tiles() -> np.ndarray:
    """Grey levels of the chosen tiles, (KEPT, SIDE^2)."""
    grey = np.rint(load_sample_image("china.jpg").mean(axis=2)).astype(np.uint8)
    rows, columns = (n // SIDE for n in grey.shape)
    cut = grey[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    whole = cut.swapaxes(1, 2).reshape(-1, SIDE**2)
    return whole[np.random.default_rng(0).permutation(len(whole))[:KEPT]]


def main() -> None:
    np.savez_compressed(DATA, tiles=tiles())
    print(f"{DATA.name}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()

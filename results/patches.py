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


def cut(image: np.ndarray, side: int) -> np.ndarray:
    """The tiles of side x side pixels that an image holds, a row for each; what is left at two edges is left out."""
    rows, columns = (extent // side for extent in image.shape)
    whole = image[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return whole.swapaxes(1, 2).reshape(-1, side**2)


def tiles() -> np.ndarray:
    """Grey levels of the chosen tiles, (KEPT, SIDE^2)."""
    whole = cut(np.rint(load_sample_image("china.jpg").mean(axis=2)).astype(np.uint8), SIDE)
    return whole[np.random.default_rng(0).permutation(len(whole))[:KEPT]]


def main() -> None:
    np.savez_compressed(DATA, tiles=tiles())
    print(f"{DATA.name}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()

"""From the sizes of objects to chunks and bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.chunk import MAX_PARTS
from gateway.program import Settings
from gateway.units import MIB
from skytf.model.span import Span
from skytf.model.survey import JobSurvey, SizeClass

# Counted from docs/wire.md: a sealed slice has 17 bytes of codec and tag, and a record of 30 bytes before it, which up
# to eight slices share that are not packed.
SLICE_BYTES, SHARED_SLICE_BYTES = 47, 17 + 30 / 8
# A chunk, or a small object in a batch: its share of the frame's header and manifest. Usual names and attributes;
# at most a key of 1,024 bytes and S3's 2 KiB of user metadata.
PIECE_BYTES, MOST_PIECE_BYTES = 400, 3_600
# What goes back for a piece from each destination: the acknowledgement of its frame and its receipt; of a cut object
# also what its owner says when it is opened and completed. At most with an upload token of 1 KiB twice.
ANSWER_BYTES, MOST_ANSWER_BYTES = 300, 3_000
# No store takes a larger object: S3 took 5 TiB, and takes 50 TB since 2025
# (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, read 2026-11).
_LARGEST_OBJECT = 50 * 10**12
_NOTHING = Span.exactly(0.0)


@dataclass(frozen=True, slots=True)
class Pieces:
    """
    What objects come to.

    Every object is ``whole`` (it travels in one piece) or ``cut``, and ``chunks`` are the pieces of these; ``pieces``
    are both. ``whole_bytes`` is the size of the first, and ``filled`` counts those of them that have any bytes.
    """

    objects: int = 0
    size_bytes: int = 0
    whole: Span = _NOTHING
    cut: Span = _NOTHING
    chunks: Span = _NOTHING
    pieces: Span = _NOTHING
    whole_bytes: Span = _NOTHING
    filled: Span = _NOTHING

    def __add__(self, other: Pieces) -> Pieces:
        return Pieces(
            self.objects + other.objects,
            self.size_bytes + other.size_bytes,
            self.whole + other.whole,
            self.cut + other.cut,
            self.chunks + other.chunks,
            self.pieces + other.pieces,
            self.whole_bytes + other.whole_bytes,
            self.filled + other.filled,
        )


def pieces_of(survey: JobSurvey, settings: Settings) -> Pieces:
    """
    Return what the objects of *survey* are cut into.

    Of a size class only count and bytes are known: likely takes all of its objects to be of the average size, and the
    bounds hold whatever their sizes are. A survey without sizes (an assumed one) is one class of any size.
    """
    found = Pieces()
    for one in survey.sizes:
        found += _of_class(one, survey.largest_bytes, settings)
    if not survey.sizes and survey.objects:
        alone = survey.objects == 1
        smallest = survey.bytes if alone else 0
        # whoever assumes larger ones than there can be has them counted all the same
        largest = max(min(survey.bytes, _LARGEST_OBJECT), -(-survey.bytes // survey.objects))
        found = _pieces(survey.objects, survey.bytes, (smallest, largest), settings)
    return found


def pieces_by_job(surveys: Iterable[JobSurvey], settings: Settings) -> dict[str, Pieces]:
    """Return job id → what its objects come to."""
    return {one.job_id: pieces_of(one, settings) for one in surveys}


def wire_bytes(pieces: Pieces, settings: Settings) -> Span:
    """
    Return the bytes that a link carries when *pieces* pass it once, as TCP counts them.

    Slices and pieces have a frame around them; compression is not counted on. Where what stands at a destination is
    not replaced, a cut object may turn out to be there before anything of it moves, so low has only the whole ones.
    """
    slices = pieces.size_bytes / settings.slice_bytes
    low = float(pieces.size_bytes) if settings.if_exists == "overwrite" else pieces.whole_bytes.low

    def framed(slice_bytes: float, each_bytes: int, count: float | None) -> float:
        return pieces.size_bytes + slice_bytes * slices + (SLICE_BYTES + each_bytes) * (count or 0.0)

    return Span(
        low,
        framed(SHARED_SLICE_BYTES, PIECE_BYTES, pieces.pieces.likely),
        framed(SLICE_BYTES, MOST_PIECE_BYTES, pieces.pieces.high),
    )


def answer_bytes(pieces: Pieces, destinations: int) -> Span:
    """Return the bytes that go back over a link for *pieces* that pass it for so many *destinations*."""
    count = pieces.pieces.scaled(destinations)
    return Span(0.0, ANSWER_BYTES * (count.likely or 0.0), MOST_ANSWER_BYTES * (count.high or 0.0))


def _of_class(one: SizeClass, largest_of_all: int, settings: Settings) -> Pieces:
    smallest = one.upto_bytes // 2 + 1 if one.upto_bytes else 0
    largest = min(one.upto_bytes, largest_of_all) if largest_of_all else one.upto_bytes
    return _pieces(one.objects, one.bytes, (smallest, max(largest, smallest)), settings)


def _pieces(objects: int, size_bytes: int, bounds: tuple[int, int], settings: Settings) -> Pieces:
    """Return the pieces of *objects* that have *size_bytes* together, each of them from smallest to largest."""
    smallest, largest = bounds
    threshold = settings.threshold_bytes
    all_of_them = Span.exactly(float(objects))
    filled = all_of_them
    if not smallest:  # some of them may be empty, and all but as many as there are bytes are
        most_filled = float(min(objects, size_bytes))
        filled = Span(float(size_bytes > 0), most_filled, most_filled)
    if largest <= threshold:
        whole_bytes = Span.exactly(float(size_bytes))
        return Pieces(objects, size_bytes, all_of_them, pieces=all_of_them, whole_bytes=whole_bytes, filled=filled)
    most = objects + size_bytes / _step(max(smallest, threshold + 1), settings.chunk_bytes)
    average = -(-size_bytes // objects)
    if smallest > threshold:
        fewest = max(float(objects), size_bytes / _step(largest, settings.chunk_bytes))
        chunks = Span(fewest, _within(objects * _count(average, settings.chunk_bytes), fewest, most), most)
        return Pieces(objects, size_bytes, cut=all_of_them, chunks=chunks, pieces=chunks)
    cut_bytes = max(size_bytes - objects * threshold, 0)  # so much at least is in objects that are cut
    fewest = cut_bytes / _step(largest, settings.chunk_bytes)
    are_cut = average > threshold
    count = float(objects * _count(average, settings.chunk_bytes)) if are_cut else 0.0
    count = _within(count, fewest, most)
    return Pieces(
        objects,
        size_bytes,
        whole=Span(0.0, 0.0 if are_cut else float(objects), float(objects)),
        cut=Span(float(cut_bytes > 0), float(objects) if are_cut else 0.0, float(objects)),
        chunks=Span(fewest, count, most),
        pieces=Span(max(float(objects), fewest), count if are_cut else float(objects), most),
        whole_bytes=Span(0.0, 0.0 if are_cut else float(size_bytes), float(size_bytes)),
        filled=Span(0.0, 0.0 if are_cut else filled.likely, filled.high),
    )


def _within(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


def _step(size_bytes: int, chunk_bytes: int) -> int:
    """Return the size of the chunks of an object of *size_bytes*, as `gateway.chunk.cut` chooses it."""
    if -(-size_bytes // chunk_bytes) <= MAX_PARTS:
        return chunk_bytes
    return -(-size_bytes // MAX_PARTS // MIB) * MIB


def _count(size_bytes: int, chunk_bytes: int) -> int:
    return max(-(-size_bytes // _step(size_bytes, chunk_bytes)), 1)

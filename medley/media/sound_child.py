"""Decodes one sound stream of a container into a mono WAV on the common time line. A program: see audio.py.

Its job is {"path", "demuxer", "max_streams", "stream", "start_s", "target"}; it says once how that went. Everything
that has to last over the whole file (place, level, rate) is kept here and not in a filter of ffmpeg's: those begin
anew whenever the number of channels or the sample rate changes in mid-stream.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from typing import Any

import av
import av.logging
import numpy as np

from medley.media.container import Reading, links_after, opened
from medley.media.job_child import Tell, serve
from medley.media.mixing import Mixer, Samples, as_channels

RATE_HZ = 16_000
#: Sound further than this from where its time stamp says is put there; nearer, the sum of lengths is more exact.
_SLIP = RATE_HZ // 20
#: Of longer silence only so much is written: the list of spans says what was left out.
_LONGEST_PAUSE = 30 * RATE_HZ


class _Writer:
    """The WAV, and which time each stretch of it stands for."""

    def __init__(self, target: str) -> None:
        self._file = wave.open(target, "wb")  # noqa: SIM115  # closed by `close`
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE_HZ)
        self._written = 0
        self._at = 0  #: place on the time line, in samples
        self.spans: list[tuple[float, float]] = [(0.0, 0.0)]
        self.peak = 0.0
        self.decoded = 0

    @property
    def end_s(self) -> float:
        """Where on the time line it has come to."""
        return self._at / RATE_HZ

    def put(self, samples: Samples, at: int) -> None:
        """Appends samples that begin at `at`; what lies before time 0 or over what is there already is left out."""
        if at - self._at > _SLIP:
            self._pause(at)
        elif self._at - at > _SLIP:
            samples = samples[self._at - at :]
        self.decoded += len(samples)
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
        self._write(samples)
        self._at += len(samples)

    def close(self) -> None:
        """Closes the WAV file: its header is written now."""
        self._file.close()

    def _pause(self, until: int) -> None:
        silence = until - self._at
        self._write(np.zeros(min(silence, _LONGEST_PAUSE), np.float32))
        self._at = until
        if silence > _LONGEST_PAUSE:
            self.spans.append((self._written / RATE_HZ, until / RATE_HZ))

    def _write(self, samples: Samples) -> None:
        self._file.writeframesraw((samples.clip(-1, 1) * 32_767).round().astype("<i2").tobytes())
        self._written += len(samples)


class _Decoder:
    """Packets of one stream to samples of 16 kHz, with their places."""

    def __init__(self, stream: Any, start_s: float, writer: _Writer) -> None:
        self._stream, self._start_s, self._writer = stream, start_s, writer
        self._mixer = Mixer()
        self._offset_s = 0.0
        self._resampler: Any = None
        self._rate = 0
        self._next: int | None = None
        self.errors, self.lost_s = 0, 0.0

    def decode(self, packet: Any, offset_s: float) -> None:
        """Decodes one packet, and hands its samples to the writer.

        Before a packet of another clock or link, the samples that the decoder holds of the old one are written.
        """
        if packet.stream is not self._stream and packet.stream.container is not self._stream.container:
            self.end()
            self._stream, self._offset_s = packet.stream, offset_s
            self._stream.codec_context.thread_count = 1
        elif offset_s != self._offset_s:
            self.end()
            self._stream.codec_context.flush_buffers()
            self._offset_s = offset_s
        for frame in self._frames(packet):
            self._take(frame)

    def end(self) -> None:
        """Writes the samples that decoder and resampler still hold."""
        for frame in self._frames(None):
            self._take(frame)
        self._flush()

    def _frames(self, packet: Any) -> Iterator[Any]:
        try:
            yield from self._stream.codec_context.decode(packet)
        except av.FFmpegError as error:
            if isinstance(error, EOFError):
                return
            self.errors += 1
            if packet is not None and packet.duration:
                self.lost_s += float(packet.duration * packet.time_base)

    def _take(self, frame: Any) -> None:
        if frame.sample_rate != self._rate:
            self._flush()
            self._rate = frame.sample_rate
            self._resampler = av.AudioResampler("flt", "mono", RATE_HZ)
        if frame.pts is not None:
            self._go_to(round((float(frame.pts * frame.time_base) + self._offset_s - self._start_s) * RATE_HZ))
        count = len(frame.layout.channels)
        mono = self._mixer.mixed(as_channels(frame.to_ndarray(), count, frame.format.is_planar))
        fed = av.AudioFrame.from_ndarray(np.ascontiguousarray(mono[None]), format="flt", layout="mono")
        fed.sample_rate = self._rate
        fed.pts = None
        for made in self._resampler.resample(fed):
            self._put(made)

    def _go_to(self, at: int) -> None:
        """What follows begins at that sample of the time line; small steps are left to the sum of lengths."""
        if self._next is None or abs(at - self._next) > _SLIP:
            self._flush()
            self._next = at

    def _flush(self) -> None:
        if self._resampler is not None:
            for made in self._resampler.resample(None):
                self._put(made)
            self._resampler = av.AudioResampler("flt", "mono", RATE_HZ)
        self._next = None

    def _put(self, made: Any) -> None:
        samples = made.to_ndarray().reshape(-1)
        at = self._next or 0
        self._writer.put(samples, at)
        self._next = at + len(samples)


def work(job: dict[str, Any], tell: Tell) -> None:
    """Decodes the sound stream of the job into a mono WAV, and tells once how the decoding went; see the module."""
    writer = _Writer(job["target"])
    with opened(job["path"], job["demuxer"], job["max_streams"]) as container:
        stream = container.streams[job["stream"]]
        stream.codec_context.thread_count = 1
        more = links_after(job["path"], job["demuxer"], job["max_streams"])
        reading, decoder = Reading(container, more), _Decoder(stream, job["start_s"], writer)
        for packet, offset_s in reading.packets():
            if packet.stream.index == stream.index:
                decoder.decode(packet, offset_s)
        decoder.end()
        writer.close()
        tell(
            {
                "end_s": writer.end_s if writer.decoded else 0.0,
                "packets_end_s": (reading.line.end_of(stream.index) or 0.0) - job["start_s"],
                "decoded_s": writer.decoded / RATE_HZ,
                "peak": writer.peak,
                "spans": writer.spans,
                "errors": decoder.errors,
                "torn": reading.torn.get(stream.index, 0),
                "lost_s": decoder.lost_s,
                "stopped": reading.stopped,
            }
        )


if __name__ == "__main__":
    av.logging.restore_default_callback()  # PyAV keeps ffmpeg's complaints to itself; the parent reads them
    av.logging.set_level(av.logging.ERROR)
    serve(work)

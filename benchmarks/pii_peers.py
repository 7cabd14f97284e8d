"""What benchmarks run in an environment of their own: our language model, and Presidio's rules.

Called by pii_accuracy.py and pii_speed.py as ``python pii_peers.py ner|presidio SOURCE TEXTS
[LANGUAGE]``; prints who it was, its CPU
seconds, and one list of [start, end, entity] per text.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def ner(source: Path, texts: list[str]) -> tuple[str, float, list[Any]]:
    """Predict by our rules and the language model; `source` is the folder of the kit."""
    sys.path.insert(0, str(source))
    from mlops_kit.privacy.detect import language_model as names

    names.find_names(["Load the model."])
    started = time.process_time()
    found = [[(s.start, s.end, s.entity) for s in spans] for spans in names.find_with_names(texts)]
    return f"spaCy {version('spacy')}, {names.MODEL}", time.process_time() - started, found


def presidio_analyzer(language: str) -> Any:
    """Presidio with all of its own rules for a language and no language model."""
    import spacy  # pyrefly: ignore[missing-import]
    import tldextract.tldextract  # pyrefly: ignore[missing-import]

    # pyrefly: ignore[missing-import]
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    # pyrefly: ignore[missing-import]
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # Its e-mail rule would fetch the list of domains; this takes the one that it brings along.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())

    class Blank(SpacyNlpEngine):
        """Words without entities: what is found is found by rules."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": language, "model_name": "blank"}])
            self.nlp = {language: spacy.blank(language)}

        def load(self) -> None:
            """Nothing to load."""

    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language])
    registry.recognizers = [r for r in registry.recognizers if "Spacy" not in type(r).__name__]
    return AnalyzerEngine(nlp_engine=Blank(), registry=registry, supported_languages=[language])


def presidio(texts: list[str], language: str) -> tuple[str, float, list[Any]]:
    """Predict by Presidio's rules; of overlapping spans the surest stays."""
    analyzer = presidio_analyzer(language)
    analyzer.analyze("Load the rules.", language=language)
    started = time.process_time()
    found = []
    for text in texts:
        kept: list[Any] = []
        results = analyzer.analyze(text, language=language)
        for one in sorted(results, key=lambda r: (-r.score, r.start - r.end)):
            if all(one.end <= a or b <= one.start for a, b, _ in kept):
                kept.append((one.start, one.end, one.entity_type))
        found.append(sorted(kept))
    about = f"Presidio {version('presidio-analyzer')}, its rules for {language}"
    return about, time.process_time() - started, found


if __name__ == "__main__":
    act, folder, file, *words = sys.argv[1:]
    given = json.loads(Path(file).read_text("utf-8"))
    answer = ner(Path(folder), given) if act == "ner" else presidio(given, words[0])
    print(json.dumps(dict(zip(("about", "seconds", "spans"), answer, strict=True))))

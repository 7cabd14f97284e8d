"""What in a repository's files speaks for an answer, and the place where it is found first."""

import re
from collections.abc import Iterator

from copier_mlops.adopting.existing import MANIFESTS, Existing

# Names of modules and distributions, as regular expressions.
SOURCES = {
    "postgresql": r"psycopg2?([-_](binary|c))?|asyncpg|pg8000",
    "mysql": r"pymysql|MySQLdb|mysqlclient|mysql([-_.]connector([-_]python)?)?|aiomysql",
    "oracle": r"cx[-_]Oracle|oracledb",
    "alloydb": r"google[-_.]cloud[-_.]alloydb[-_.]\w*",
    "db2": r"ibm[-_]db(_sa)?",
    "mongodb": r"pymongo|motor|mongoengine",
    "dynamodb": r"pynamodb",
    "neo4j": r"neo4j|py2neo",
    "redis": r"redis|aioredis",
    "cassandra": r"cassandra([-_]driver)?",
    "graphql": r"gql|sgqlc|python[-_]graphql[-_]client",
    "images": r"PIL|pillow|cv2|opencv[-_]python([-_]headless)?|torchvision|skimage|scikit[-_]image",
    "pdf": r"pypdf2?|pdfplumber|pypdfium2|pdfminer(\.six)?|fitz|pymupdf",
    "audio": r"librosa|soundfile|torchaudio|pydub",
    "video": r"moviepy|av|decord",
}
HOSTING = {
    "aws": r"boto3|sagemaker|s3fs|dvc[-_]s3",
    "gcp": r"google[-_.]cloud[-_.]\w+|gcsfs|dvc[-_]gs",
    "azure": r"azureml?[-_.]\w+|adlfs|dvc[-_]azure",
}
REMOTES = {"aws": "s3", "gcp": "gs", "azure": "azure"}
SERVERS = r"fastapi|flask|bentoml|litserve|uvicorn|gradio|streamlit"
LEARNERS = r"sklearn|scikit[-_]learn|xgboost|lightgbm|catboost|torch|tensorflow|keras|statsmodels"
RECOMMENDERS = r"implicit|surprise|scikit[-_]surprise|lightfm|recbole|spotlight|recommenders"
RECOMMENDING = r"(?i)\b(collaborative\s+filtering|recommender|recommendation\s+(engine|system)s?)\b"
READMES = ("README.md", "readme.md", "Readme.md", "README.rst")
REGRESSORS = (
    r"\b\w*(Regressor|Regression(?<!LogisticRegression)(?<!IsotonicRegression)|(MSE|L1|Huber)Loss|(mse|l1|huber)_loss"
    r"|mean_(squared|absolute)(_percentage)?_error|r2_score|SVR)\b"
    r"|\bobjective[\"']?\s*[:=]\s*[\"'](reg:|regression|mae\b|rmse\b|poisson|tweedie)"
)
CLASSIFIERS = (
    r"\b\w*(Classifier|LogisticRegression|(CrossEntropy|NLL|BCE|BCEWithLogits)Loss|SVC"
    r"|cross_?entropy|roc_auc_score|accuracy_score|f1_score|confusion_matrix|classification_report"
    r"|log_loss)\b|\bobjective[\"']?\s*[:=]\s*[\"'](binary|multi)"
)
# The same in the words of a README.
REGRESSION = r"(?i)(?<!logistic )\bregression\s+(model|task|problem)s?\b|\bforecast(s|ing)?\b"
CLASSIFICATION = r"(?i)\bclassif(y|ier|iers|ication)\b"
MODEL_FILES = r"\.(pkl|pickle|joblib|onnx|pt|pth|h5|keras|skops|cbm|safetensors)(\.dvc)?$"
# A JSON file is data only in a folder of data: elsewhere, and in .devcontainer/, it configures.
DATA_FILES = (
    r"^(?!\.)(.*\.(csv|tsv|parquet|jsonl)(\.gz)?(\.dvc)?"
    r"|(.*/)?(data|datasets?|raw)/(.*\.json(\.gz)?|.*\.dvc))$"
)
# What runs checks beside GitHub's workflows.
_CI = (
    r"Jenkinsfile([.-][\w.-]+)?|\.circleci/config\.ya?ml|tox\.ini"
    r"|(\.(travis|gitlab-ci|drone|taskcluster)|\.?appveyor|(azure|bitbucket)-pipelines)\.ya?ml"
)
OTHER_CI = rf"(?i)(^|/)({_CI})$"
CONTAINERS = rf"(?i)(^|/)((Docker|Container)file([.-][\w.-]+)?|{_CI})$"
CHECKING = (
    r"\b(pytest|unittest|tox|nox|hatch|pre-commit|ruff|flake8|pylint|mypy|pyright|pyrefly|black"
    r"|make|docker|(uv|hatch|poetry|pdm|python -m) (build|run|install|sync))\b"
)
LICENSES = {"MIT": r"^MIT\b", "Apache-2.0": r"(?i)^apache\b(?!.*1\.[01])"}


def told(existing: Existing, words: str) -> str | None:
    """Return the first place in a README, else in the description."""
    for name in READMES:
        if match := re.search(words, existing.texts.get(name, "")):
            return f"{name} line {existing.texts[name].count(chr(10), 0, match.start()) + 1}"
    described = existing.declared("description")
    return described[1] if described and re.search(words, described[0]) else None


def checking(existing: Existing) -> str | None:
    """Return where a workflow tests, checks or builds code; others greet, label or close."""
    for name, commented in existing.texts.items():
        text = re.sub(r"(^|\s)#.*", r"\1", commented)
        if name.startswith(".github/workflows/") and (match := re.search(CHECKING, text)):
            return f"{name} line {text.count(chr(10), 0, match.start()) + 1}"
    return None


def code_files(existing: Existing) -> Iterator[tuple[str, str]]:
    """Yield name and text of each module and notebook."""
    for name, text in existing.texts.items():
        if name.endswith((".py", ".ipynb")):
            yield name, text


def uses(existing: Existing, modules: str) -> str | None:
    """Return the place of an import (in a notebook too), else of a requirement."""
    if place := first_in_code(existing, rf"^[ \t\"]*(?:import|from)[ \t]+(?:{modules})\b"):
        return place
    # Installed together with torch, whatever it learns from.
    wanted = rf"^[\s\"'\-]*(?!torch(vision|audio)\b)(?P<name>{modules})(?![\w.-])"
    requirement = re.compile(wanted, re.MULTILINE | re.IGNORECASE)
    for name, text in existing.texts.items():
        if MANIFESTS.fullmatch(name) and (match := requirement.search(text)):
            return f"{name} line {text.count(chr(10), 0, match.start('name')) + 1}"
    return None


def first_in_code(existing: Existing, pattern: str) -> str | None:
    """Return the first place in the code."""
    for name, text in code_files(existing):
        if match := re.search(pattern, text, re.MULTILINE):
            return f"{name} line {text.count(chr(10), 0, match.start()) + 1}"
    return None


def first_file(existing: Existing, pattern: str) -> str | None:
    """Return the first file whose name fits."""
    return next((name for name in existing.entries if re.search(pattern, name)), None)


def declared_license(existing: Existing) -> tuple[str, str] | None:
    """Return what the metadata says about the licence, and where."""
    if declared := existing.declared("license"):
        return declared
    table = existing.pyproject.get("project", {}).get("license")
    if isinstance(table, dict) and isinstance(table.get("text"), str):
        return table["text"], "pyproject.toml [project] license"
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        text = existing.texts.get(name, "")
        if match := re.search(r"License :: OSI Approved :: ([^\"'\n]+)", text):
            return match[1], f"{name} line {text.count(chr(10), 0, match.start()) + 1}"
    return None

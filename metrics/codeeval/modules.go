package codeeval

import (
	"regexp"
	"slices"
)

// packagedModules are the modules of packages that programs are often written
// with and that no sandbox shows, by the names that are imported. A program that
// ends for want of one of them has not been judged; one that ends for want of any
// other module is wrong, as it asks for what its author made up. docs/SANDBOX.md
// lists them too. Sorted.
var packagedModules = []string{
	"Bio", "Crypto", "Levenshtein", "OpenSSL", "PIL", "PyPDF2",
	"aiofiles", "aiohttp", "altair", "arrow", "attr", "attrs",
	"bcrypt", "bitarray", "blist", "bokeh", "boto3", "bs4",
	"cachetools", "catboost", "certifi", "chardet", "click", "colorama", "cryptography", "cupy", "cv2", "cvxpy",
	"dask", "dateutil", "deap", "django", "docx", "dotenv",
	"emoji",
	"faiss", "faker", "fastapi", "flask", "folium", "frozendict", "fuzzywuzzy",
	"gensim", "geopandas", "geopy", "gmpy2", "gurobipy", "gym", "gymnasium",
	"h5py", "holidays", "httpx", "hypothesis",
	"imageio", "inflect", "intervaltree",
	"jax", "jinja2", "joblib", "jsonschema", "jwt",
	"keras",
	"langdetect", "librosa", "lightgbm", "llvmlite", "lxml",
	"markdown", "matplotlib", "more_itertools", "mpmath", "msgpack",
	"natsort", "nbformat", "networkx", "nltk", "num2words", "numba", "numexpr", "numpy",
	"openai", "openpyxl", "optax", "orjson", "ortools",
	"pandas", "paramiko", "parse", "passlib", "patsy", "peewee", "pendulum", "plotly", "polars", "prettytable",
	"primefac", "psutil", "psycopg2", "pulp", "pyarrow", "pycountry", "pydantic", "pydub", "pygame", "pymongo",
	"pymysql", "pyparsing", "pypdf", "pyphen", "pyspark", "pytesseract", "pytest", "pytz",
	"qiskit",
	"rapidfuzz", "rdkit", "redis", "regex", "reportlab", "requests", "rich", "roman",
	"scapy", "scipy", "scrapy", "seaborn", "selenium", "sentence_transformers", "setuptools", "shapely", "simplejson",
	"simpy", "six", "skimage", "sklearn", "sortedcollections", "sortedcontainers", "soundfile", "spacy",
	"sqlalchemy", "statsmodels", "sympy",
	"tabulate", "tensorflow", "termcolor", "textblob", "texttable", "toml", "tomli", "toolz", "torch", "torchaudio",
	"torchvision", "tornado", "tqdm", "transformers", "typing_extensions",
	"ujson", "unidecode", "urllib3",
	"websockets", "werkzeug", "wikipedia", "word2number", "wordcloud",
	"xarray", "xgboost", "xlrd", "xlsxwriter", "xlwt", "xmltodict",
	"yaml",
	"z3", "zmq",
}

// noModule is what CPython says of a module whose top level it does not find. Of
// "import numpy.linalg" it names numpy; of a part that a package lacks, both.
var noModule = regexp.MustCompile(`^ModuleNotFoundError: No module named '(\w+)'$`)

// unlessModuleMissing returns the verdict, changed where the program failed for
// want of one of packagedModules.
func (v Verdict) unlessModuleMissing() Verdict {
	if v.Outcome != Failed {
		return v
	}
	if m := noModule.FindStringSubmatch(v.Detail); m != nil && slices.Contains(packagedModules, m[1]) {
		v.Outcome, v.Detail = NotEvaluated, "module "+m[1]
	}
	return v
}

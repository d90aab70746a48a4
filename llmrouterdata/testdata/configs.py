"""Prints what PyYAML makes of each configuration that is named: a line of JSON
with the values that step 2a takes from it, or null where it is refused."""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """PyYAML's."""


def flatten_mapping(self, node):
    merge, own = [], []
    for key, value in node.value:
        if key.tag != "tag:yaml.org,2002:merge":
            own.append((key, value))
            continue
        mappings = [value] if isinstance(value, yaml.MappingNode) else value.value
        if isinstance(value, yaml.ScalarNode) or not all(isinstance(m, yaml.MappingNode) for m in mappings):
            raise yaml.constructor.ConstructorError(None, None, "no mapping to merge", value.start_mark)
        for mapping in reversed(mappings):
            self.flatten_mapping(mapping)
            merge.extend(mapping.value)
    node.value = merge + own


# PyYAML 6.0.4 gives keys of more than one letter to the last mapping of a list
# (github.com/yaml/pyyaml/issues/953), all versions before to the first one, as
# the type's specification has it.
if yaml.safe_load("{<<: [{kk: 1}, {kk: 2}]}") != {"kk": 1}:
    Loader.flatten_mapping = flatten_mapping


def read(name):
    with open(name, encoding="utf-8") as file:
        config = yaml.load(file, Loader) or {}
    generation = config.get("data_generation") or {}
    return [
        generation.get("sample_size", 500),
        generation.get("train_ratio", 0.8),
        generation.get("random_seed", 42),
        config.get("api_endpoint", ""),
        (config.get("embedding") or {}).get("model", "allenai/longformer-base-4096"),
    ]


for name in sys.argv[1:]:
    try:
        print(json.dumps(read(name)))
    except yaml.YAMLError:
        print("null")

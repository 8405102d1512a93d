"""The YAML that cfngen writes: exact text, quoting, and that readers get the template back."""

from __future__ import annotations

import enum
import math
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped,unused-ignore]
from hypothesis import example, given
from hypothesis import strategies as st

from cfngen._yaml import dump


class Loader(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
    """PyYAML's loader, with the short tags turned back into mappings."""


def _function(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if suffix == "GetAtt" else text}


Loader.add_multi_constructor("!", _function)


def load(text: str) -> Any:
    return Loader(text).get_single_data()


FUNCTIONS = ("Base64", "Cidr", "FindInMap", "GetAtt", "GetAZs", "If", "Join", "Select", "Sub")
NAMES = ("Ref", "Condition", "Fn::Transform", "Fn::ForEach::X", *(f"Fn::{f}" for f in FUNCTIONS))
TRICKY_WORDS = """
    yes No oN off y N true FALSE null ~ = << 0 007 0o17 0x1F 0b1 1_000 1,000 1e3 1.5 .5 +1 -1
    .inf -.inf .nan 22:22 1:30 2010-09-09 2010-09-09T10:00:00Z - -- --- ... ? : , [ ] { } # & *
    ! | > ' " % @ ` a: a:b #a a# a#b {a} a,b <<: !Ref 10.0.0.1 10.0.0.0/16 123456789012 \\
"""
TRICKY = TRICKY_WORDS.split()
SPACED = (
    "", " ", " a", "a ", "a: b", "a #b", "\t", "a\tb", "- a", "? a", "\n", "\n\n", "\na", "a\n",
    "a\n\n", " a\n", "a\n b", "a\n\tb", "\ta\nb", "\n\ta", "a \n", "a\n \n", "a\n ", "# a\nb",
    "a\r\nb", "a\r", "a\x85b", "a\u2028b", "\ufeff", "\ufeffa\nb", "\x00", "\x7f", "\xa0", "é",
    "日本\n語", "🎉", "🎉\na", "--- a\n...\n", "2010-09-09 10:00:00",
)  # fmt: skip
characters = st.sampled_from("aZ09 \n\t:#-'\"\\,[]{}?!&*|>%@`~=.<\r\x85\u2028\xa0é🎉") | st.characters(
    exclude_categories=["Cs"]
)
texts = st.sampled_from(TRICKY + list(SPACED)) | st.text(characters, max_size=12)
keys = texts | st.sampled_from(NAMES) | st.sampled_from(("Type", "Resources", "Parameters"))
scalars = texts | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)


def _nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(values, max_size=4)
    arguments = texts | values | lists | st.lists(texts, min_size=2, max_size=2)
    functions = st.dictionaries(st.sampled_from(NAMES), arguments, min_size=1, max_size=1)
    return lists | functions | st.dictionaries(keys, values, max_size=4)


values = st.recursive(scalars, _nested, max_leaves=25)
bodies = st.dictionaries(keys, values, max_size=4)
sections = st.sampled_from(("Description", "Transform", "Parameters", "Resources", "Outputs"))
templates = st.dictionaries(sections | keys, values | bodies, max_size=4)


@given(templates)
@example({"Description": "a\n\n", "Resources": {"A": {"B": "a\n\n"}, "C": {"D": "a\n\n\n"}}})
def test_reads_back_with_pyyaml(template: dict[str, Any]) -> None:
    assert load(dump(template, "a.py")) == template


@given(templates)
def test_reads_back_with_cfn_lint(template: dict[str, Any]) -> None:
    assert cfn_yaml.loads(dump(template)) == template


@pytest.mark.parametrize("text", [*TRICKY, *SPACED])
def test_tricky_text_reads_back_everywhere(text: str) -> None:
    template = {
        text: text,
        "Resources": {text: {"Ref": text}, "A": {"Fn::Join": [text, [text, {"Fn::Sub": text}]]}},
        "List": [text, [text, [text]], {text: text}, {"Fn::Sub": [text, {text: text}]}],
    }
    written = dump(template)
    assert load(written) == template
    assert cfn_yaml.loads(written) == template


@given(st.text())
def test_any_text_even_half_surrogates_reads_back(text: str) -> None:
    assert load(dump({"Description": f"{text}\ud83d"})) == {"Description": f"{text}\ud83d"}


@given(st.floats())
def test_float_reads_back_the_same(number: float) -> None:
    read = load(dump({"A": number}))["A"]
    assert isinstance(read, float)
    assert read == number or (math.isnan(read) and math.isnan(number))


def test_whole_template() -> None:
    template = {
        "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Balancer", "DNSName"]}}},
        "Resources": {
            "Site": {
                "Properties": {
                    "BucketName": {"Fn::Sub": "${AWS::StackName}-site"},
                    "Tags": [{"Key": "Owner", "Value": "on"}, {"Key": "Cost", "Value": "0123"}],
                    "Zone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
                    "Weight": {"Fn::FindInMap": ["Weights", {"Ref": "Live"}, "Blue"]},
                },
                "DependsOn": ["Balancer", "Key"],
                "DeletionPolicy": "Retain",
                "Type": "AWS::S3::Bucket",
            },
            "Host": {
                "Type": "AWS::EC2::Instance",
                "Properties": {
                    "UserData": {"Fn::Base64": {"Fn::Sub": "#!/bin/sh\necho ${Live}\n"}},
                    "Ports": [22, "80:80"],
                    "Empty": [{}, []],
                    "Role": {
                        "Fn::If": ["IsLive", {"Ref": "Role"}, {"Ref": "AWS::NoValue"}],
                    },
                    "Policy": {
                        "Fn::If": [
                            "IsLive",
                            {"Version": "2012-10-17", "Statement": []},
                            {"Ref": "AWS::NoValue"},
                        ]
                    },
                },
            },
        },
        "Conditions": {"IsLive": {"Fn::And": [{"Condition": "A"}, {"Fn::Equals": [{"Ref": "Live"}, "yes"]}]}},
        "Parameters": {"Live": {"Default": "no", "Description": "Is it?", "Type": "String"}},
        "Description": "A site: small",
        "AWSTemplateFormatVersion": "2010-09-09",
    }
    assert dump(template, "stacks/site.py") == (
        """\
# Written by cfngen from stacks/site.py. Edit that file, then run: make templates
AWSTemplateFormatVersion: '2010-09-09'
Description: 'A site: small'

Parameters:
  Live:
    Type: String
    Description: Is it?
    Default: 'no'

Conditions:
  IsLive: !And
    - Condition: A
    - !Equals [!Ref Live, 'yes']

Resources:
  Site:
    Type: AWS::S3::Bucket
    DependsOn:
      - Balancer
      - Key
    DeletionPolicy: Retain
    Properties:
      BucketName: !Sub ${AWS::StackName}-site
      Tags:
        - Key: Owner
          Value: 'on'
        - Key: Cost
          Value: '0123'
      Zone: !Select [0, !GetAZs '']
      Weight: !FindInMap [Weights, !Ref Live, Blue]

  Host:
    Type: AWS::EC2::Instance
    Properties:
      UserData:
        Fn::Base64: !Sub |
          #!/bin/sh
          echo ${Live}
      Ports:
        - 22
        - '80:80'
      Empty:
        - {}
        - []
      Role: !If [IsLive, !Ref Role, !Ref 'AWS::NoValue']
      Policy: !If
        - IsLive
        - Version: '2012-10-17'
          Statement: []
        - !Ref AWS::NoValue

Outputs:
  Url:
    Value: !GetAtt Balancer.DNSName
"""
    )
    assert load(dump(template)) == template


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain text", "plain text"),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/*"),
        ("${A}-b", "${A}-b"),
        ("~/bin", "~/bin"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        ("it's", "it's"),
        ("é", "é"),
        ("", "''"),
        ("Yes", "'Yes'"),
        ("y", "'y'"),
        ("null", "'null'"),
        ("~", "'~'"),
        ("=", "'='"),
        ("<<", "'<<'"),
        ("0123", "'0123'"),
        ("0x1F", "'0x1F'"),
        ("1_000", "'1_000'"),
        ("1e3", "'1e3'"),
        (".5", "'.5'"),
        ("22:22", "'22:22'"),
        ("2010-09-09", "'2010-09-09'"),
        ("-c", "'-c'"),
        ("'a'", "'''a'''"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("a:", "'a:'"),
        (" a", "' a'"),
        ("a\tb", r'"a\tb"'),
        ("a\r\nb", r'"a\r\nb"'),
        ("\n", r'"\n"'),
        ('"\\\x85\u2028\ufeff', r'"\"\\\x85\u2028\ufeff"'),
        ("🎉", r'"\U0001f389"'),
        ("a\nb", "|-\n  a\n  b"),
        ("a\n\nb \n", "|\n  a\n\n  b "),
        ("a\n\n", "|+\n  a\n"),
        (" a\nb", "|2-\n   a\n  b"),
        ("\na", "|2-\n\n  a"),
        (True, "true"),
        (None, "null"),
        (7, "7"),
        (1e20, "1.0e+20"),
        (0.5, "0.5"),
        (-math.inf, "-.inf"),
        ([], "[]"),
        ((), "[]"),
        ({}, "{}"),
        (("a", 1), "\n  - a\n  - 1"),
        ([["a", ["b"]], "c"], "\n  - - a\n    - - b\n  - c"),
        ({"on": 1, "200": 2}, "\n  'on': 1\n  '200': 2"),
    ],
)
def test_value(value: object, written: str) -> None:
    assert dump({"A": value}) == f"A: {written}\n".replace(": \n", ":\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"Ref": "A"}, " !Ref A"),
        ({"Ref": "on"}, " !Ref 'on'"),
        ({"Ref": ["A"]}, "\n  Ref:\n    - A"),
        ({"Ref": "A", "B": 1}, "\n  Ref: A\n  B: 1"),
        ({"Condition": "A"}, "\n  Condition: A"),
        ({"Fn::GetAtt": ["A", "B.C"]}, " !GetAtt A.B.C"),
        ({"Fn::GetAtt": "A.B"}, "\n  Fn::GetAtt: A.B"),
        ({"Fn::GetAtt": ["A.B", "C"]}, "\n  Fn::GetAtt:\n    - A.B\n    - C"),
        ({"Fn::GetAtt": ["A", {"Ref": "B"}]}, "\n  Fn::GetAtt:\n    - A\n    - !Ref B"),
        ({"Fn::Sub": "a\n${B}"}, " !Sub |-\n  a\n  ${B}"),
        ({"Fn::Sub": ["${a}", {"a": "b"}]}, " !Sub\n  - ${a}\n  - a: b"),
        ({"Fn::Sub": {"a": "b"}}, "\n  Fn::Sub:\n    a: b"),
        ({"Fn::Base64": {"Ref": "A"}}, "\n  Fn::Base64: !Ref A"),
        ({"Fn::Transform": {"Name": "A"}}, "\n  Fn::Transform:\n    Name: A"),
        ({"Fn::ForEach::X": ["a", []]}, "\n  Fn::ForEach::X:\n    - a\n    - []"),
        ({"Fn::Join": [",", []]}, " !Join [',', []]"),
        ({"Fn::Join": ["", ["a,b", "{c}", "d:e"]]}, " !Join ['', ['a,b', '{c}', 'd:e']]"),
        ({"Fn::Select": (1, {"Fn::Split": [".", "a.b"]})}, " !Select [1, !Split ['.', a.b]]"),
        (
            {"Fn::Select": [0, {"Fn::GetAZs": {"Ref": "R"}}]},
            " !Select\n  - 0\n  - Fn::GetAZs: !Ref R",
        ),
        ({"Fn::Join": ["", ["a" * 80, "b"]]}, f" !Join\n  - ''\n  - - {'a' * 80}\n    - b"),
        (
            [{"Ref": "A"}, {"Fn::If": ["C", {"D": 1}, "E"]}],
            "\n  - !Ref A\n  - !If\n    - C\n    - D: 1\n    - E",
        ),
    ],
)
def test_function(value: object, written: str) -> None:
    assert dump({"A": value}) == f"A:{written}\n"


def test_kept_line_ends_do_not_grow() -> None:
    template = {"Resources": {"A": {"B": "a\n\n"}, "C": {}}, "Outputs": {}}
    assert dump(template) == "Resources:\n  A:\n    B: |+\n      a\n\n  C: {}\n\nOutputs: {}\n"


def test_long_text_stays_on_its_line() -> None:
    text = "word " * 200 + "end"
    assert dump({"Description": text}) == f"Description: {text}\n"


def test_equal_objects_are_written_twice() -> None:
    shared = {"a": ["b"]}
    assert dump({"A": shared, "B": shared}) == "A:\n  a:\n    - b\n\nB:\n  a:\n    - b\n"


def test_empty_template() -> None:
    assert dump({}) == "{}\n"


def test_source_stays_on_one_line() -> None:
    first = dump({}, "a\nb\r\x85.py").splitlines()[0]
    assert first == "# Written by cfngen from a b  .py. Edit that file, then run: make templates"


def test_subclasses_are_written_as_their_values() -> None:
    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "shown"

    class Number(enum.IntEnum):
        ONE = 1

    assert dump({"A": [Text("a"), Number.ONE]}) == "A:\n  - a\n  - 1\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"A": {"B": [1, {"C": {1}}]}}, "A.B[1].C: cannot write a set as YAML"),
        ({"A": {"Fn::Join": ["", [b"a"]]}}, "A.Fn::Join[1][0]: cannot write a bytes as YAML"),
        ({"A": {5: "a"}}, "A: key 5 is a int, not a str"),
        ({None: "a"}, "template: key None is a NoneType, not a str"),
    ],
)
def test_other_types_are_refused(template: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        dump(template)
    assert str(caught.value) == message


def test_key_too_long_for_yaml_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        dump({"A": {"k" * 1001: 1}})
    key = "k" * 1000
    assert load(dump({key: 1})) == {key: 1}

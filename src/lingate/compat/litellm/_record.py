# What callers hold: records with attribute, item and `get` access that may be changed, as pydantic objects may.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Self

from lingate._wire.json import decode, encode_str

_DUMP = {"type": "function-plain", "function": lambda value: value.model_dump()}


class FieldMissingError(AttributeError, KeyError):
    # A record has no such field: what LiteLLM raises for it, and what a dict does.

    __str__ = Exception.__str__


class Shape:
    # What records and dicts with attributes have of pydantic's models.

    model_fields: ClassVar[Mapping[str, Any]] = {}
    # Pydantic asks for it where a model was constructed of records, as CAMEL does with openai's.
    __pydantic_extra__: Any = None

    @classmethod
    def model_validate(cls, obj: Mapping[str, Any] | Record, **_: Any) -> Self:
        return cls(**(obj.model_dump() if isinstance(obj, Record) else dict(obj)))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes, **_: Any) -> Self:
        return cls.model_validate(decode(json_data))

    @classmethod
    def model_construct(cls, _fields_set: Any = None, **fields: Any) -> Self:
        return cls(**fields)

    parse_obj, construct = model_validate, model_construct

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        # How pydantic takes it as a field of a model of its own: as it is, or made of a dict.

        def validate(value: Any) -> Any:
            if isinstance(value, cls):
                return value
            if isinstance(value, Mapping):  # another class's record is another's: unions try each
                return cls.model_validate(value)
            raise ValueError(f"{cls.__name__} is made of an object, not of {type(value).__name__}")

        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": validate},
            "serialization": _DUMP,
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "object", "title": cls.__name__, "additionalProperties": True}

    def _public(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    @property
    def model_extra(self) -> dict[str, Any]:
        return {name: value for name, value in self._public().items() if name not in self.model_fields}

    @property
    def model_fields_set(self) -> set[str]:
        return set(self._public())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._public().items())})"

    def model_dump(
        self, *, exclude_none: bool = False, exclude: Any = None, include: Any = None, **_: Any
    ) -> dict[str, Any]:
        # The record as plain dicts and lists; `include` and `exclude` may be nested, as pydantic's may.
        found: dict[str, Any] = _plain(self, include, exclude, exclude_none)
        return found

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        if indent is None:
            return encode_str(self.model_dump(**options))
        import json

        return json.dumps(self.model_dump(**options), indent=indent, ensure_ascii=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        # Another record with the same fields, some of them changed.
        import copy

        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    # Pydantic's older names, and the openai package's. `json` gives no text: that is what `model_dump_json` does.
    copy, dict, json = model_copy, model_dump, model_dump
    to_dict, to_json = model_dump, model_dump_json


class Fields(Shape, dict[str, Any]):
    # A dict whose fields are attributes too: what applications sum up, or write as JSON, as they do with dicts.

    __setattr__ = dict.__setitem__

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _public(self) -> dict[str, Any]:
        return self

    __pydantic_extra__ = property(_public)


class Record(Shape):
    # One JSON object. Fields are ordinary attributes, so they can be changed, copied and pickled.

    # A dict in a field becomes a record too; a class's `parts` say of which class, for fields that have a class of
    # their own. `defaults` are values of fields that are not given, and `order` names those that may be given without a
    # name.

    _parts: ClassVar[Mapping[str, type[Shape]]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _order: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls,
        parts: Mapping[str, type[Shape]] | None = None,
        defaults: Mapping[str, Any] | None = None,
        order: tuple[str, ...] | None = None,
    ) -> None:
        super().__init_subclass__()
        cls._parts = cls._parts if parts is None else parts
        cls._defaults = cls._defaults if defaults is None else defaults
        cls._order = cls._order if order is None else order
        cls.model_fields = dict.fromkeys((*cls._order, *cls._defaults))

    def __init__(self, *values: Any, **fields: Any) -> None:
        if len(values) > len(self._order):
            raise TypeError(f"{type(self).__name__} takes at most {len(self._order)} arguments without a name")
        fields.update(zip(self._order, values, strict=False))
        for name, value in {**self._defaults, **fields}.items():
            self.__dict__[name] = self._convert(name, value)

    @classmethod
    def _convert(cls, name: str, value: Any) -> Any:
        part = cls._parts.get(name)
        if part is None:
            return value
        if isinstance(value, list):
            return [part(**item) if isinstance(item, dict) else item for item in value]
        return part(**value) if isinstance(value, dict) else value

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there; pydantic's message, because hosts show it.
        if name == "__pydantic_serializer__":  # what pydantic asks of a value whose type it was not told
            return _serializer()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getitem__(self, key: str) -> Any:
        try:
            return self.__dict__[key]
        except KeyError:
            raise FieldMissingError(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __delitem__(self, key: str) -> None:
        del self.__dict__[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._public().items())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self.model_dump() == other.model_dump()
        return self.model_dump() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key, default)

    def setdefault(self, key: str, default: Any) -> Any:
        # The value of a field, which is set to the default if there is none.
        return self.__dict__.setdefault(key, default)

    def keys(self) -> list[str]:
        # Names of the fields, so that `dict(record)` works.
        return list(self._public())

    def items(self) -> list[tuple[str, Any]]:
        return list(self._public().items())

    def values(self) -> list[Any]:
        return list(self._public().values())


@cache
def _serializer() -> Any:
    return import_module("pydantic_core").SchemaSerializer({"type": "any", "serialization": _DUMP})


def _plain(value: Any, include: Any, exclude: Any, exclude_none: bool) -> Any:
    if isinstance(value, list):
        pairs = ((index, item) for index, item in enumerate(value) if _kept(index, include, exclude))
        return [_plain(item, _below(include, at), _below(exclude, at), exclude_none) for at, item in pairs]
    record = isinstance(value, Shape)
    fields = value._public() if record else value
    if not isinstance(fields, dict):
        return value
    return {
        name: _plain(item, _below(include, name), _below(exclude, name), exclude_none)
        for name, item in fields.items()
        if _kept(name, include, exclude) and not (record and exclude_none and item is None)
    }


_ALL = "__all__"
_WHOLE = (True, ..., None)


def _kept(place: Any, include: Any, exclude: Any) -> bool:
    if exclude and (place in exclude or _ALL in exclude) and _below(exclude, place) is None:
        return False
    return include is None or place in include or _ALL in include


def _below(rule: Any, place: Any) -> Any:
    # What a rule says about the inside of one place; None for nothing, or for all of it.
    if not isinstance(rule, Mapping):
        return None
    found = rule.get(place, rule.get(_ALL))
    return None if any(found is item for item in _WHOLE) else found

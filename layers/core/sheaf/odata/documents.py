"""The two documents that tell what a feed holds: the service document and `$metadata`.

`$metadata` is the CSDL that ODK Central writes (its `formats/odata.js`), to the letter: Power BI
and its like decide by it what they dare to ask. It calls no field of the form filterable, although
they are, because not every condition that such a client would then send is understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from sheaf.data import tables
from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.odata import select

_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_NAMESPACE = "org.opendatakit.user"
_TYPES = {
    "int": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "boolean": "Edm.Boolean",
    "geopoint": "Edm.GeographyPoint",
    "geotrace": "Edm.GeographyLineString",
    "geoshape": "Edm.GeographyPolygon",
    "date": "Edm.Date",
    "dateTime": "Edm.DateTimeOffset",
}
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="org.opendatakit.submission">
      <ComplexType Name="metadata">
        <Property Name="submissionDate" Type="Edm.DateTimeOffset"/>
        <Property Name="updatedAt" Type="Edm.DateTimeOffset"/>
        <Property Name="deletedAt" Type="Edm.DateTimeOffset"/>
        <Property Name="submitterId" Type="Edm.String"/>
        <Property Name="submitterName" Type="Edm.String"/>
        <Property Name="attachmentsPresent" Type="Edm.Int64"/>
        <Property Name="attachmentsExpected" Type="Edm.Int64"/>
        <Property Name="status" Type="org.opendatakit.submission.Status"/>
        <Property Name="reviewState" Type="org.opendatakit.submission.ReviewState"/>
        <Property Name="deviceId" Type="Edm.String"/>
        <Property Name="edits" Type="Edm.Int64"/>
        <Property Name="formVersion" Type="Edm.String"/>
      </ComplexType>
      <EnumType Name="Status">
        <Member Name="notDecrypted"/>
        <Member Name="missingEncryptedFormData"/>
      </EnumType>
      <EnumType Name="ReviewState">
        <Member Name="hasIssues"/>
        <Member Name="edited"/>
        <Member Name="rejected"/>
        <Member Name="approved"/>
      </EnumType>
    </Schema>"""
_TAIL = """\
      </EntityContainer>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>"""
# What the table of submissions can be asked, before and after the names of its properties.
_CAPABLE = """\
          <Annotation Term="Org.OData.Capabilities.V1.ConformanceLevel" \
EnumMember="Org.OData.Capabilities.V1.ConformanceLevelType/Minimal"/>
          <Annotation Term="Org.OData.Capabilities.V1.BatchSupported" Bool="false"/>
          <Annotation Term="Org.OData.Capabilities.V1.CountRestrictions">
            <Record><PropertyValue Property="Countable" Bool="true"/></Record>
          </Annotation>
          <Annotation Term="Org.OData.Capabilities.V1.FilterFunctions">
            <Record>
              <PropertyValue Property="NonCountableProperties">
                <Collection>
                  <String>eq</String>
                </Collection>
              </PropertyValue>
            </Record>
          </Annotation>
          <Annotation Term="Org.OData.Capabilities.V1.FilterFunctions">
            <Record>
              <PropertyValue Property="Filterable" Bool="true"/>
              <PropertyValue Property="RequiresFilter" Bool="false"/>
              <PropertyValue Property="NonFilterableProperties">
                <Collection>"""
_INCAPABLE = """\
                </Collection>
              </PropertyValue>
            </Record>
          </Annotation>
          <Annotation Term="Org.OData.Capabilities.V1.SortRestrictions">
            <Record><PropertyValue Property="Sortable" Bool="false"/></Record>
          </Annotation>
          <Annotation Term="Org.OData.Capabilities.V1.ExpandRestrictions">
            <Record><PropertyValue Property="Expandable" Bool="false"/></Record>
          </Annotation>"""


def service(fields: Iterable[Field], root: str) -> dict[str, Any]:
    """Give the service document: the tables of a form. `root` is the URL of the service."""
    names = [table.name for table in tables.of(fields).all()]
    return {
        "@odata.context": f"{root}/$metadata",
        "value": [{"name": name, "kind": "EntitySet", "url": name} for name in names],
    }


@dataclass(frozen=True, slots=True)
class _Type:
    """An entity type (a table) or a complex type (a group), with its properties as elements."""

    name: str
    entity: bool
    properties: list[tuple[str, str]] = field(default_factory=list)


def metadata(fields: Iterable[Field], xml_form_id: str) -> bytes:
    """Give the metadata document of a form."""
    base = f"{_NAMESPACE}.{schema.sanitize(xml_form_id)}"
    types = _types(list(fields), base)
    entities = [each for each in types if each.entity]
    lines = [
        _HEAD,
        f'    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="{base}">',
    ]
    for each in entities:
        lines += _entity_type(each)
    for each in types:
        if not each.entity:
            lines += _complex_type(each)
    lines.append(f'      <EntityContainer Name="{escape(xml_form_id)}">')
    for each in entities:
        lines += _entity_set(each, base)
    return "\n".join([*lines, _TAIL]).encode()


def _types(fields: list[Field], base: str) -> list[_Type]:
    """Give the types of a form's tables and groups, in the order of the form."""
    top = _Type(tables.ROOT, entity=True)
    known = {"": top}
    root = tables.of(fields)
    parents = {table.path: select.parent_id_name(table) for table in root.all()}
    for each in fields:
        name = root.called[each.path]
        dotted = ".".join(schema.way(each.path, root.called))
        if each.type == "repeat":
            own = known[each.path] = _Type(f"{tables.ROOT}.{dotted}", entity=True)
            own.properties.append((parents[each.path], _property(parents[each.path], "Edm.String")))
            link = f'<NavigationProperty Name="{name}" Type="Collection({base}.{own.name})"/>'
            known[each.parent].properties.append((name, link))
        elif each.structural:
            known[each.path] = _Type(dotted, entity=False)
            known[each.parent].properties.append((name, _property(name, f"{base}.{dotted}")))
        else:
            type_ = _TYPES.get(each.type, "Edm.String")
            known[each.parent].properties.append((name, _property(name, type_)))
    return list(known.values())


def _property(name: str, type_: str) -> str:
    return f'<Property Name="{name}" Type="{type_}"/>'


def _entity_type(entity: _Type) -> Iterator[str]:
    yield f'      <EntityType Name="{entity.name}">'
    yield '        <Key><PropertyRef Name="__id"/></Key>'
    yield f"        {_property(select.ID, 'Edm.String')}"
    if entity.name == tables.ROOT:
        yield f"        {_property(select.SYSTEM, 'org.opendatakit.submission.metadata')}"
    yield from (f"        {element}" for _, element in entity.properties)
    yield "      </EntityType>"


def _complex_type(group: _Type) -> Iterator[str]:
    yield f'      <ComplexType Name="{group.name}">'
    yield from (f"        {element}" for _, element in group.properties)
    yield "      </ComplexType>"


def _entity_set(entity: _Type, base: str) -> Iterator[str]:
    yield f'        <EntitySet Name="{entity.name}" EntityType="{base}.{entity.name}">'
    if entity.name == tables.ROOT:
        yield _CAPABLE
        yield from (
            f"                  <PropertyPath>{name}</PropertyPath>"
            for name, _ in entity.properties
        )
        yield _INCAPABLE
    yield "        </EntitySet>"

"""Read and write calendar files (iCalendar, RFC 5545)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.contract import BadParams, File, FileField, Files, OutputTooLarge, Params, Port, TimeZone, action
from integrations.core.dates import iso, parse, zone
from integrations.core.files.tables import file_name

if TYPE_CHECKING:
    from icalendar import Calendar
    from icalendar import Event as Component

MEDIA_TYPE = "text/calendar"
MOST_BYTES = 10 * 1024 * 1024
MOST_EVENTS = 20_000
MOST_TIMES = 500_000
STEPS_A_DAY = {"SECONDLY": 86_400, "MINUTELY": 1_440, "HOURLY": 24}
LONGEST_WINDOW = timedelta(days=3_660)


class Event(BaseModel):
    """An event of a calendar."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    title: str = Field(default="", description="What it is called", examples=["Team meeting"])
    start: str = Field(
        description="When it begins, ISO 8601; a date alone is a whole day", examples=["2026-11-23T09:00+01:00"]
    )
    end: str | None = Field(
        default=None,
        description="When it ends; of whole days the first day after it. None: it takes no time, or one whole day",
        examples=["2026-11-23T10:00+01:00"],
    )
    location: str = Field(default="", description="Where it is", examples=["Room 4"])
    description: str = Field(default="", description="What it is about", examples=["Agenda: …"])
    url: str = Field(default="", description="A web address for it", examples=["https://example.com/meeting"])
    uid: str = Field(default="", description="What tells it from all others; none: made of its content", examples=[""])
    status: str = Field(default="", description="confirmed, tentative or cancelled", examples=["confirmed"])
    organizer: str = Field(default="", description="The organizer's e-mail address", examples=["ada@example.com"])
    attendees: list[str] = Field(
        default_factory=list, description="The e-mail addresses of those invited", examples=[["bob@example.com"]]
    )
    categories: list[str] = Field(default_factory=list, description="Words to sort it by", examples=[["work"]])
    rule: str = Field(
        default="",
        description="How it repeats, as RFC 5545 writes it; none: not at all",
        examples=["FREQ=WEEKLY;COUNT=4"],
    )


class ReadIcs(Params):
    file: Annotated[File, Port(), FileField(accept=".ics,.ical,text/calendar")] = Field(
        description="The calendar file to read, up to 10 MB",
        examples=[{"$file": "0" * 64, "name": "team.ics", "media_type": MEDIA_TYPE, "size": 12}],
    )
    since: str | None = Field(
        default=None,
        description="Only what ends after this; with the next field, repeating events come once for each time",
        examples=["2026-11-01"],
    )
    until: str | None = Field(default=None, description="Only what begins before this", examples=["2026-12-01"])
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC",
        description="Whose clock counts for the two dates, and for times that name no zone",
        examples=["Europe/Berlin"],
    )


@action(
    "files.read_ics",
    title="Read calendar file",
    category="files",
    icon="calendar-days",
    cpu=True,
    time_limit=60,
    subtitle="Events of an ICS file",
    keywords=("ics", "ical", "icalendar", "events", "appointments", "import"),
)
def read_ics(params: ReadIcs, files: Files) -> list[Event]:
    """Read the events of a calendar file (ICS) in the order of their start.

    With `since` and `until`, a repeating event is given once for each time that falls between them, as moved and
    cancelled there; without them it is given once, with its rule.

    With a list: each file is read by itself.
    """
    calendar = _calendar(params.file, files)
    where = zone(params.time_zone)
    try:
        if (params.since is None) != (params.until is None):
            raise BadParams(
                "Only one end of the time is given.", field="until" if params.until is None else "since",
                hint="Give both, or none.",
            )  # fmt: skip
        found: Iterator[Any] = iter(
            calendar.walk("VEVENT") if params.since is None else _between(calendar, params, where)
        )
        components = list(islice(found, MOST_EVENTS + 1))
        if len(components) > MOST_EVENTS:
            raise OutputTooLarge(f"There are more than {MOST_EVENTS:,} events.", hint="Read a shorter time at once.")
        events = [_event(one, where) for one in components]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BadParams(
            f"“{params.file.name}” holds an event that cannot be read: {str(error)[:200]}.",
            field="file",
            hint="Export the calendar again.",
        ) from error
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _calendar(file: File, files: Files) -> Calendar:
    from icalendar import Calendar  # noqa: PLC0415  loaded where used

    if file.size > MOST_BYTES:
        raise OutputTooLarge(f"“{file.name}” has {file.size:,} bytes; at most {MOST_BYTES:,} are read.")
    with files.open(file) as stream:
        content = stream.read()
    try:
        return Calendar.from_ical(content)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError) as error:
        raise BadParams(
            f"“{file.name}” cannot be read as a calendar file.",
            field="file",
            hint="It must be an ICS file (iCalendar).",
        ) from error


def _between(calendar: Calendar, params: ReadIcs, where: Any) -> Iterator[Any]:
    import recurring_ical_events  # noqa: PLC0415  loaded where used

    since = parse(params.since, where, "since")
    until = parse(params.until, where, "until")
    if not timedelta() < until - since <= LONGEST_WINDOW:
        raise BadParams(
            f"From {iso(since)} to {iso(until)} is no time that can be looked through.",
            field="until",
            hint="It must come after since, at most ten years later.",
        )
    for number, event in enumerate(calendar.events, 1):
        for rule in _rules(event):
            if _most_times(rule, event, until) > MOST_TIMES:
                raise OutputTooLarge(
                    f"Event {number}, “{_words(event, 'SUMMARY')}”, repeats more than {MOST_TIMES:,} times.",
                    hint="Read a shorter time at once, or take the event out of the file.",
                )
    yield from recurring_ical_events.of(calendar).between(since, until)


def _rules(event: Component) -> list[Any]:
    found = event.get("RRULE") or []
    return found if isinstance(found, list) else [found]


def _most_times(rule: Any, event: Component, until: datetime) -> float:
    """At most so many times have to be looked at from an event's start on (RFC 5545, 3.3.10)."""
    start = event.decoded("DTSTART", None)
    if start is None:
        return 0
    first = datetime(start.year, start.month, start.day, tzinfo=UTC)
    days = max(0, (until - first) / timedelta(days=1) + 1)
    within = math.prod(len(rule.get(name) or [0]) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    a_day = STEPS_A_DAY.get(str((rule.get("FREQ") or [""])[0]).upper())
    if a_day is None:
        return days * within
    return days * a_day / max(1, int((rule.get("INTERVAL") or [1])[0])) * max(1, within)


def _event(component: Component, where: Any) -> tuple[tuple[Any, ...], Event]:
    """The event and what it is sorted by."""
    start = component.decoded("DTSTART", None)
    if start is None:
        raise ValueError("it has no start")
    end = component.decoded("DTEND", None)
    if end is None and "DURATION" in component:
        end = start + component.decoded("DURATION")
    rule = component.get("RRULE")
    event = Event(
        title=_words(component, "SUMMARY"),
        start=_moment(start, where),
        end=None if end is None else _moment(end, where),
        location=_words(component, "LOCATION"),
        description=_words(component, "DESCRIPTION"),
        url=_words(component, "URL"),
        uid=_words(component, "UID"),
        status=_words(component, "STATUS").lower(),
        organizer=_address(component.get("ORGANIZER")),
        attendees=[_address(one) for one in _several(component, "ATTENDEE")],
        categories=[str(word) for one in _several(component, "CATEGORIES") for word in getattr(one, "cats", [one])],
        rule="" if rule is None else rule.to_ical().decode(),
    )
    begin = start if isinstance(start, datetime) else datetime.combine(start, datetime.min.time())
    begin = begin if begin.tzinfo else begin.replace(tzinfo=where)
    return (begin.astimezone(UTC), event.title, event.uid), event


def _moment(value: date | datetime, where: Any) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    return iso(value if value.tzinfo else value.replace(tzinfo=where))


def _words(component: Component, name: str) -> str:
    values = _several(component, name)
    return str(values[0]) if values else ""


def _several(component: Component, name: str) -> list[Any]:
    value = component.get(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _address(value: Any) -> str:
    text = "" if value is None else str(value)
    return text[7:] if text.lower().startswith("mailto:") else text


class WriteIcs(Params):
    events: Annotated[list[Any], Port()] = Field(
        description="The events: records with title, start and, if you like, end, location, description, url, uid, "
        "status, organizer, attendees, categories and rule",
        examples=[[{"title": "Team meeting", "start": "2026-11-23T09:00+01:00", "end": "2026-11-23T10:00+01:00"}]],
    )
    name: str = Field(default="events.ics", min_length=1, description="The file's name", examples=["team.ics"])
    calendar: str = Field(default="", description="What calendar programs call it", examples=["Team"])
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC", description="Whose clock counts for times without an offset", examples=["Europe/Berlin"]
    )


@action(
    "files.write_ics",
    title="Write calendar file",
    category="files",
    icon="calendar-days",
    cpu=True,
    subtitle="Events to an ICS file",
    keywords=("ics", "ical", "icalendar", "events", "appointments", "invite", "export"),
)
def write_ics(params: WriteIcs, files: Files) -> File:
    """Write events as a calendar file (ICS) that every calendar program opens.

    A start that is a date alone makes an event of whole days. Times are written in UTC, those of repeating events in
    the time zone of the form, so that they keep their hour when clocks change. The same event written again has the
    same uid, so that a calendar takes it for the same.

    With a list: takes it whole; all events are one file.
    """
    from icalendar import Calendar  # noqa: PLC0415  loaded where used

    where = zone(params.time_zone)
    calendar = Calendar()
    calendar.add("prodid", "-//Weft//Weft//EN")
    calendar.add("version", "2.0")
    if params.calendar:
        calendar.add("x-wr-calname", params.calendar)
    for number, raw in enumerate(params.events, 1):
        calendar.add_component(_component(_checked(raw, number), number, where))
    if any(component.get("RRULE") for component in calendar.walk("VEVENT")):
        calendar.add_missing_timezones()
    return files.save(file_name(params.name, ".ics"), MEDIA_TYPE, calendar.to_ical())


def _checked(raw: Any, number: int) -> Event:
    if not isinstance(raw, Mapping):
        raise BadParams(f"Event {number} is no record with a title and a start.", field="events")
    known = {name: value for name, value in raw.items() if name in Event.model_fields and value is not None}
    try:
        return Event.model_validate(known)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise BadParams(
            f"Event {number} cannot be written: {at}: {first['msg']}.", field="events",
            hint="Give each event a title and a start, with Set fields for instance.",
        ) from None  # fmt: skip


def _component(event: Event, number: int, where: Any) -> Component:
    from icalendar import Event as Component  # noqa: PLC0415  loaded where used
    from icalendar import vCalAddress  # noqa: PLC0415

    start = _time(event.start, where, number, "start", bool(event.rule))
    end = None if event.end is None else _time(event.end, where, number, "end", bool(event.rule))
    if end is not None and (isinstance(end, datetime) != isinstance(start, datetime) or end < start):
        raise BadParams(
            f"Event {number} ends before it begins, or only one of start and end is a date alone.", field="events",
            hint="Give both with a time, or both without; of whole days, the end is the first day after it.",
        )  # fmt: skip
    made = Component()
    made.add("uid", event.uid or _fingerprint(event))
    # When the event was described; its own start, so that the same events give the same file.
    made.add(
        "dtstamp",
        start.astimezone(UTC) if isinstance(start, datetime) else datetime(*start.timetuple()[:3], tzinfo=UTC),
    )
    made.add("dtstart", start)
    if end is not None:
        made.add("dtend", end)
    named = {"summary": event.title, "location": event.location, "description": event.description, "url": event.url}
    for name, value in {**named, "status": event.status.upper(), "categories": event.categories}.items():
        if value:
            made.add(name, value)
    if event.organizer:
        made.add("organizer", vCalAddress(f"mailto:{event.organizer}"))
    for address in event.attendees:
        made.add("attendee", vCalAddress(f"mailto:{address}"))
    if event.rule:
        made.add("rrule", _rule(event.rule, number))
    return made


def _rule(text: str, number: int) -> Any:
    from icalendar import vRecur  # noqa: PLC0415  loaded where used

    try:
        rule = vRecur.from_ical(text.removeprefix("RRULE:"))
    except (ValueError, KeyError, TypeError):
        rule = {}
    if "FREQ" not in rule:
        raise BadParams(
            f"Event {number} has a rule that cannot be read: “{text[:80]}”.",
            field="events",
            hint="Write for example FREQ=WEEKLY;COUNT=4.",
        )
    return rule


def _time(text: str, where: Any, number: int, field: str, local: bool) -> date | datetime:
    try:
        if len(text.strip()) == 10:
            return date.fromisoformat(text.strip())
        moment = parse(text, where, "events")
        return moment.astimezone(where if local else UTC)
    except (BadParams, ValueError, OverflowError) as error:
        raise BadParams(
            f"Event {number} has a {field} that is no date: “{text[:60]}”.", field="events",
            hint="Write 2026-11-23T09:00+01:00, or 2026-11-23 for a whole day.",
        ) from error  # fmt: skip


def _fingerprint(event: Event) -> str:
    content = json.dumps(event.model_dump(exclude={"uid"}), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32] + "@weft"

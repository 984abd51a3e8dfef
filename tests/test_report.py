"""What `podunit.report` promises: one format, one order, one line."""

from __future__ import annotations

from podunit.report import Level, Position, Problem, Report

AT = Position("web.yaml", 5, 18, 5)


def test_a_problem_reads_like_a_compiler_message() -> None:
    message = "'Alway' is not one of Always, OnFailure, Never"
    problem = Problem(AT, Level.ERROR, "spec.restartPolicy", message, "did you mean 'Always'?")
    assert str(problem) == f"web.yaml:5:18: error: spec.restartPolicy: {message}"


def test_a_problem_without_a_path_has_no_empty_part() -> None:
    assert str(Problem(AT, Level.WARNING, "", "a tab")) == "web.yaml:5:18: warning: a tab"


def test_problems_come_by_file_as_first_seen_then_from_top_to_bottom() -> None:
    report = Report()
    for file, line, column in [("z", 2, 1), ("a", 9, 1), ("z", 1, 10), ("z", 1, 9), ("a", 1, 1)]:
        report.error(Position(file, line, column), "", "wrong")
    places = [str(problem.at) for problem in report.problems]
    assert places == ["z:1:9", "z:1:10", "z:2:1", "a:1:1", "a:9:1"]


def test_problems_of_one_place_keep_their_order() -> None:
    report = Report()
    for message in ("'name' is missing", "'image' is missing"):
        report.error(AT, "", message)
    assert [problem.message for problem in report.problems] == ["'name' is missing", "'image' is missing"]


def test_the_same_problem_is_said_once() -> None:
    report = Report()
    report.error(AT, "", "wrong")
    report.error(AT, "", "wrong")
    report.warning(AT, "", "wrong")
    assert [problem.level for problem in report.problems] == [Level.ERROR, Level.WARNING]


def test_only_errors_fail() -> None:
    report = Report()
    report.warning(AT, "", "odd")
    assert not report.failed
    report.error(AT, "", "wrong")
    assert report.failed


def test_the_users_text_cannot_break_the_line_or_command_the_terminal() -> None:
    report = Report()
    report.error(AT, "a['\n']", "unknown field '\x1b[31m\u202eü'", "not '\r'")
    (problem,) = report.problems
    assert problem.path == r"a['\n']"
    assert problem.message == r"unknown field '\x1b[31m\u202eü'"
    assert problem.hint == r"not '\r'"


def test_a_view_completes_paths_and_shares_the_problems() -> None:
    report = Report()
    item = report.within("items[0]")
    item.within("spec.template").warning(AT, "spec.hostname", "wrong")
    item.warning(AT, "[1]", "wrong")
    assert not report.failed
    item.error(AT, "", "wrong")
    assert [problem.path for problem in report.problems] == [
        "items[0].spec.template.spec.hostname",
        "items[0][1]",
        "items[0]",
    ]
    assert report.failed
    assert item.failed

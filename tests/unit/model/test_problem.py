from gateway.model.problem import Problem


def test_a_problem_is_a_line_that_editors_jump_to() -> None:
    assert str(Problem("a.yaml", 3, 7, "routes.0.name", "is taken")) == "a.yaml:3:7: routes.0.name: is taken"


def test_a_warning_says_so_and_a_problem_of_the_whole_file_has_no_line() -> None:
    assert str(Problem("a.yaml", 0, 0, "", "is empty", warning=True)) == "a.yaml: warning: is empty"

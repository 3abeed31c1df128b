from twinlm.report.markup import Markup, joined, tag


def test_children_and_attributes_are_escaped_and_markup_is_kept():
    inner = tag("em", "a < b")
    assert tag("p", inner, " & <script>", class_='x"y', aria_label="<") == (
        '<p class="x&quot;y" aria-label="&lt;"><em>a &lt; b</em> &amp; &lt;script&gt;</p>'
    )


def test_attributes_without_a_value_are_left_out_and_numbers_are_short():
    assert tag("circle", cx=1.04, cy=2, class_=None) == '<circle cx="1" cy="2"/>'


def test_pieces_that_are_joined_are_escaped_too():
    assert joined(["<", Markup("<b>")], " & ") == "&lt; & <b>"

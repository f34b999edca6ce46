# SPDX-License-Identifier: BSD-2-Clause
"""Tables: on the terminal, and in docs/performance.md, of which the regions between `<!-- bench:NAME -->` and
`<!-- end -->` are rewritten, each from its section; everything around them is written by hand."""
import re

VERDICTS = {True: "reached", False: "**missed**", None: "not measured"}


def show(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"


def show_mean(result, digits=2):
    """What rounds.paired() returned: the mean and its interval."""
    mean = f"{result['mean_ratio']:.{digits}f}" if result["mean_ratio"] is not None else "-"
    if result["interval"] is None:
        return mean
    low, high = result["interval"]
    return f"{mean} ({low:.{digits}f} to {high:.{digits}f})"


def print_table(columns, rows):
    cells = [columns] + [[show(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        line = [row[0].ljust(widths[0])]
        line += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(line).rstrip())
    print()


def print_section(section):
    for table in section.get("tables", []):
        print(table["title"])
        print_table(table["columns"], table["rows"])
    for name, why in section["missing"].items():
        print(f"not measured: {name}: {why}\n")


def promise_rows(sections):
    return [[made["text"], made["value"], f"{made['sign']} {show(made['target'])}",
             VERDICTS[made["reached"]]] for section in sections.values()
            for made in section.get("promises", [])]


PROMISE_COLUMNS = ["promised", "measured", "target", ""]


def markdown(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|---" + "|--:" * (len(columns) - 1) + "|"]
    lines += ["| " + " | ".join(show(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def region(section):
    text = ""
    for table in section.get("tables", []):
        text += f"**{table['title']}**\n\n" + markdown(table["columns"], table["rows"]) + "\n"
    for name, why in section["missing"].items():
        text += f"Not measured: {name}: {why}.\n\n"
    return text + f"Measured {section['time']}, {section['machine']}.\n"


def rewrite(path, sections):
    """Puts what was measured into the page; a region whose section was not measured stays as it is."""
    regions = {name: region(section) for name, section in sections.items()}
    regions["promises"] = markdown(PROMISE_COLUMNS, promise_rows(sections))
    page = path.read_text()
    for name, text in regions.items():
        pattern = re.compile(f"(<!-- bench:{name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(page):
            raise ValueError(f"{path} has no place for {name}")
        page = pattern.sub(lambda found: found.group(1) + text + found.group(2), page)
    path.write_text(page)

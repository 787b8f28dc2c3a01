"""Grading: answers run in processes of their own, and are judged outside of them.

`judging` executes the cells of the book that have the tag `answers-need`, its judges among them, in the process of the
grader, where no line of a student ever runs. The cells that were handed in run in another one (`guest`), which is
started anew for each answer (`host`) and contained (`confine`). What it has to say of an answer are numbers, strings,
arrays and the values of functions (`values`), as text: whatever else it sends is refused. So it knows no secret, and
there is nothing in it whose change would make a verdict right; all it can do is to give other answers.

Of a class `handins` finds what each student handed in, `course` has it graded, and `gradebook` keeps the points.
"""

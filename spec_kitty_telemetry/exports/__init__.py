"""Records for other programs: priced runs one by one, and bills in the forms that others read.  It prints nothing.

Whatever the form, the sums are those of `report` over the same records, to the last digit.
"""

def find_ink(a): raise NotImplementedError
def to_grey(a): raise NotImplementedError

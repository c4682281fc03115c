# FC102: nothing here derives from FlowSpec
class NotAFlow:
    pass

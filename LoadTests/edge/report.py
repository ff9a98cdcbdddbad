"""Figures, the goals that they are held against, and what was wrong."""
import statistics


class Report:
    def __init__(self):
        self.wrong, self.goals, self.missed = 0, 0, 0

    def say(self, text=""): print(text, flush=True)

    def line(self, title, *cells): self.say(("%-30s " % title + " ".join("%-24s" % cell for cell in cells)).rstrip())

    def verdict(self, value, most=None, least=None, form="%.2f", tells_goal=True):
        """The goal, and whether it is met."""
        limits = [(word, limit) for word, limit in (("at most", most), ("at least", least)) if limit is not None]
        if not limits: return ""
        is_met = (most is None or value <= most) and (least is None or value >= least)
        self.goals += 1
        self.missed += not is_met
        goal = " and ".join(f"{word} {form % limit}" for word, limit in limits)
        return (f"goal {goal}, " if tells_goal else "") + ("met" if is_met else "MISSED")

    def end(self):
        self.say()
        if self.goals: self.say(f"goals: {self.goals}, missed: {self.missed}")
        self.say(f"answers that were not as they must be, and errors: {self.wrong}")
        return 1 if self.wrong else 0


def middle(values, form="%.2f"):
    """Median of the rounds, and the lowest and highest of them."""
    return f"{form % statistics.median(values)} ({form % min(values)} to {form % max(values)})"


def percentile(values, share):
    """Nearest rank; `values` are sorted."""
    return values[min(len(values) - 1, max(0, -int(-share * len(values) // 1) - 1))] if values else float("nan")

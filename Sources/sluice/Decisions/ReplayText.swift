import Decisions
import Foundation
import Primitives
import Scaling

/// A replay for people, and as JSON.
struct ReplayText {
    let pool: String
    let comparison: DecisionComparison
    /// Nil: by the journal's own limits.
    let config: String?

    static let honesty =
        "Each decision answers to the moment as it was. How the crowd and the workers would have taken another size or rate "
        + "is not known: lines, latencies and ready workers are those that were seen."

    var text: String {
        let by = self.config.map { "by \($0)" } ?? "by the limits it was made with"
        var text = "pool \(self.pool): \(self.comparison.steps) decisions, replayed \(by); times in UTC\n\n"
        text += Self.columns(["from", "until", "decided", "replayed", "why", "why replayed", "rate/s", "replayed"])
        for span in self.comparison.spans { text += self.row(span) }
        text += "\n" + self.summary.map { "\($0)\n" }.joined()
        if self.config != nil { text += "\(Self.honesty)\n" }
        return text
    }

    private func row(_ span: DecisionComparison.Span) -> String {
        let (was, would) = (span.first.entry.decision, span.first.decision)
        let mark = span.first.isSame ? "" : " *"
        return Self.columns([
            Self.time(span.first.entry.wallMicros), Self.time(span.lastMicros), "\(was.desiredWorkers)",
            "\(would.desiredWorkers)\(mark)", was.reason.rawValue, would.reason.rawValue,
            Self.rate(was.admissionRatePerSecond), Self.rate(would.admissionRatePerSecond),
        ])
    }

    private var summary: [String] {
        let comparison = self.comparison
        let seconds = comparison.workerSeconds
        var lines = [
            "worker-seconds wanted: \(Self.rate(seconds.decided)) decided, \(Self.rate(seconds.replayed)) replayed"
                + Self.change(from: seconds.decided, to: seconds.replayed)
        ]
        if let first = comparison.firstDifference {
            lines.append("decisions that differ: \(comparison.differing) of \(comparison.steps)")
            lines.append("first difference: \(Self.words(first))")
        } else if comparison.steps == 0 {
            lines.append("no decision could be replayed")
        } else {
            lines.append("every decision is as it was")
        }
        if let largest = comparison.largestDifference { lines.append("largest difference: \(Self.words(largest))") }
        if comparison.restarts > 0 {
            lines.append("controllers that were started anew on the way: \(comparison.restarts)")
        }
        if comparison.gaps > 0 {
            lines.append(
                "places where decisions are missing: \(comparison.gaps); behind each the replay goes on from what was known"
                    + " there"
            )
        }
        if comparison.skipped > 0 {
            lines.append(
                "decisions that could not be replayed: \(comparison.skipped); the beginning of their journal is missing"
            )
        }
        if self.config == nil, comparison.differing > 0 {
            lines.append(
                "These are the limits that the decisions were made by: another version of Sluice wrote this journal, whose "
                    + "policy decided otherwise"
            )
        }
        return lines
    }

    private static func words(_ step: DecisionReplay.Step) -> String {
        let (was, would) = (step.entry.decision, step.decision)
        var text =
            "\(self.time(step.entry.wallMicros)), \(was.desiredWorkers) workers (\(was.reason.rawValue)) decided and "
        text += "\(would.desiredWorkers) (\(would.reason.rawValue)) replayed"
        if was.desiredWorkers == would.desiredWorkers {
            text +=
                ", \(self.rate(was.admissionRatePerSecond))/s and \(self.rate(would.admissionRatePerSecond))/s let in"
        }
        return text
    }

    private static func change(from old: Double, to new: Double) -> String {
        guard old > 0, old != new else { return "" }
        return String(format: " (%+.1f %%)", (new / old - 1) * 100)
    }

    static func time(_ micros: Int64) -> String {
        // The day is that of the file.
        String(RFC3339.text(wallMicros: micros, fraction: .millis).dropFirst(11).prefix(8))
    }

    private static func rate(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func columns(_ cells: [String]) -> String {
        let widths = [10, 10, 9, 10, 15, 15, 10, 10]
        let line = zip(cells, widths).map { $0.padding(toLength: max($1, $0.count + 1), withPad: " ", startingAt: 0) }
        return line.joined().replacing(/\ +$/, with: "") + "\n"
    }
}

extension ReplayText {
    private struct Document: Encodable {
        struct Outcome: Encodable {
            var desired: Int
            var needed: Int
            var reason: String
            var ratePerSecond: Double
        }
        struct Moment: Encodable {
            var time: String
            var decided: Outcome
            var replayed: Outcome
        }
        struct Span: Encodable {
            var from: String
            var until: String
            var decisions: Int
            var same: Bool
            var decided: Outcome
            var replayed: Outcome
        }
        var pool: String
        var config: String?
        var decisions: Int
        var differing: Int
        var restarts: Int
        var gaps: Int
        var skipped: Int
        var workerSecondsDecided: Double
        var workerSecondsReplayed: Double
        var firstDifference: Moment?
        var largestDifference: Moment?
        var spans: [Span]
        var note: String
    }

    func json() throws -> String {
        let comparison = self.comparison
        let document = Document(
            pool: self.pool,
            config: self.config,
            decisions: comparison.steps,
            differing: comparison.differing,
            restarts: comparison.restarts,
            gaps: comparison.gaps,
            skipped: comparison.skipped,
            workerSecondsDecided: comparison.workerSeconds.decided,
            workerSecondsReplayed: comparison.workerSeconds.replayed,
            firstDifference: comparison.firstDifference.map(Self.moment),
            largestDifference: comparison.largestDifference.map(Self.moment),
            spans: comparison.spans.map { span in
                Document.Span(
                    from: Self.stamp(span.first.entry.wallMicros),
                    until: Self.stamp(span.lastMicros),
                    decisions: span.count,
                    same: span.first.isSame,
                    decided: Self.outcome(span.first.entry.decision),
                    replayed: Self.outcome(span.first.decision)
                )
            },
            note: Self.honesty
        )
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    private static func stamp(_ micros: Int64) -> String { RFC3339.text(wallMicros: micros, fraction: .millis) }

    private static func moment(_ step: DecisionReplay.Step) -> Document.Moment {
        Document.Moment(
            time: self.stamp(step.entry.wallMicros),
            decided: self.outcome(step.entry.decision),
            replayed: self.outcome(step.decision)
        )
    }

    private static func outcome(_ decision: ScalingDecision) -> Document.Outcome {
        Document.Outcome(
            desired: decision.desiredWorkers,
            needed: decision.neededWorkers,
            reason: decision.reason.rawValue,
            ratePerSecond: decision.admissionRatePerSecond
        )
    }
}

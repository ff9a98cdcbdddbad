/// The verdict as build servers read it: a test case for each promise and each objective.
///
/// A promise that did not hold is a failure, one that could not be judged though it should an error; so is a run that was
/// stopped, and one that does not count because the load tool could not keep up. A promise of which the run can say nothing
/// is skipped.
struct JUnitReport {
    private enum Outcome {
        case passed
        case skipped(message: String)
        case failure(message: String, detail: String)
        case error(message: String, detail: String)
    }

    private struct Case {
        var suite: String
        var name: String
        var outcome: Outcome
        var output: String
    }

    let report: RunReport

    func render() -> String {
        let suites = [self.run(), self.promises(), self.objectives()].filter { !$0.isEmpty }
        var text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"onsale\"\(Self.sums(suites.flatMap(\.self)))>\n"
        for cases in suites {
            text += "  <testsuite name=\"\(Self.escaped(cases[0].suite))\"\(Self.sums(cases))"
            text += " time=\"\(self.report.gateway.samples.count)\""
            text += " timestamp=\"\(Self.escaped(String(self.report.startedAt.prefix { $0 != "Z" })))\">\n"
            text += cases.map(Self.element).joined() + "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private func run() -> [Case] {
        var outcome = Outcome.passed
        if let partial = self.report.partial {
            outcome = .error(
                message: "stopped after \(partial.seconds) s",
                detail: "\(partial.reason); no promise was judged"
            )
        } else if self.report.verdict.isInvalid {
            outcome = .error(
                message: "this run does not count",
                detail: "the load tool could not keep up with its own plan"
            )
        }
        return [
            Case(
                suite: "onsale.run",
                name: "The run was played to its end, and the load tool kept up",
                outcome: outcome,
                output: self.report.command
            )
        ]
    }

    private func promises() -> [Case] {
        self.report.verdict.checks.map { check in
            let message = "\(check.measured), limit \(check.limit)"
            let outcome: Outcome =
                switch check.outcome {
                case .passed: .passed
                case .failed: .failure(message: message, detail: check.detail)
                case .notMeasured: .error(message: "could not be judged", detail: check.detail)
                case .notJudged: .skipped(message: check.detail)
                }
            return Case(
                suite: "onsale.promises",
                name: check.title,
                outcome: outcome,
                output: "\(message); \(check.detail)"
            )
        }
    }

    private func objectives() -> [Case] {
        self.report.objectives.map { result in
            let message = "\(result.measuredText), asked for \(result.boundText)"
            return Case(
                suite: "onsale.objectives",
                name: result.objective,
                outcome: result.isReached ? .passed : .failure(message: message, detail: result.title),
                output: "\(result.title): \(message)"
            )
        }
    }

    // MARK: XML

    private static func sums(_ cases: [Case]) -> String {
        let failures = cases.count { if case .failure = $0.outcome { true } else { false } }
        let errors = cases.count { if case .error = $0.outcome { true } else { false } }
        let skipped = cases.count { if case .skipped = $0.outcome { true } else { false } }
        return " tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\" skipped=\"\(skipped)\""
    }

    private static func element(_ item: Case) -> String {
        var text =
            "    <testcase classname=\"\(Self.escaped(item.suite))\" name=\"\(Self.escaped(item.name))\" time=\"0\">"
        func problem(_ element: String, _ message: String, _ detail: String) -> String {
            "<\(element) message=\"\(Self.escaped(message))\" type=\"\(Self.escaped(item.suite))\">"
                + "\(Self.escaped(detail))</\(element)>"
        }
        switch item.outcome {
        case .passed: break
        case .skipped(let message): text += "<skipped message=\"\(Self.escaped(message))\"/>"
        case .failure(let message, let detail): text += problem("failure", message, detail)
        case .error(let message, let detail): text += problem("error", message, detail)
        }
        return text + "<system-out>\(Self.escaped(item.output))</system-out></testcase>\n"
    }

    /// For text and for attributes. What XML 1.0 cannot hold at all, such as most control characters, is shown as U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // In an attribute these would be read as spaces.
            case "\n", "\r", "\t": result += "&#\(scalar.value);"
            case "\0"..<" ", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

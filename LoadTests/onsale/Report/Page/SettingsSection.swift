/// What was played on what, and the command that plays it again.
struct SettingsSection {
    let report: RunReport

    func render() -> String {
        var html = "<h2>To play it again</h2><section class=\"card again\">"
        html += "<pre><code>\(SVG.escaped(self.report.command))</code></pre>"
        html += "<p>Seed <b>\(self.report.scenario.seed)</b> fixes who comes when, how patient each is, how long each "
        html += "thinks, and who never comes back.</p><div class=\"tables\">"
        html += Self.list("The crowd", self.crowdFacts())
        html += Self.list("The limits", self.report.settings)
        html += Self.list("The machine", self.report.environment)
        return html + "</div></section>"
    }

    private static func list(_ title: String, _ facts: [RunReport.Fact]) -> String {
        guard !facts.isEmpty else { return "" }
        let rows = facts.map {
            "<div><dt>\(SVG.escaped($0.name))</dt><dd>\(SVG.escaped($0.value))</dd></div>"
        }
        return "<div class=\"list\"><h3>\(title)</h3><dl>\(rows.joined())</dl></div>"
    }

    private func crowdFacts() -> [RunReport.Fact] {
        let scenario = self.report.scenario
        let curve = scenario.curve
        let manners = scenario.manners
        func seconds(_ value: Double) -> String { Format.duration(nanoseconds: Int64(value * 1e9)) }
        return [
            ("visitors", Format.count(scenario.visitors)),
            ("length of the run", seconds(scenario.durationSeconds)),
            ("opening after", seconds(curve.openingSeconds)),
            ("come before it", Format.percent(curve.shareBeforeOpening)),
            ("step at the opening", "× \(Format.significant(curve.stepFactor)) in \(seconds(curve.stepSeconds))"),
            ("decay constant", seconds(curve.decaySeconds)),
            ("requests once inside", "\(manners.fewestRequests) to \(manners.mostRequests)"),
            ("time to think, median", seconds(manners.thinkMedianSeconds)),
            ("four in five wait", "≥ \(seconds(manners.toleratedWaitSeconds))"),
            ("never come back", Format.percent(manners.noShowShare)),
            ("refresh by hand", Format.percent(manners.eagerShare)),
            ("tries after an error", Format.count(manners.mostRetries)),
        ].map { RunReport.Fact(name: $0.0, value: $0.1) }
    }
}

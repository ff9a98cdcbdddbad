/// What was played on what, and the command that plays it again.
struct RepeatSection {
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
        let manners = scenario.manners
        func seconds(_ value: Double) -> String { Format.duration(nanoseconds: Int64(value * 1e9)) }
        let run = [
            ("visitors", Format.count(scenario.visitors)),
            ("length of the run", seconds(scenario.durationSeconds)),
            ("opening after", seconds(scenario.curve.openingSeconds)),
        ]
        let waves = scenario.curve.waves.map { ("come", "\(Format.count($0.visitors)): \($0.shape)") }
        let classes = scenario.classes.map { ("class \($0.name)", "weight \(Format.significant($0.weight))") }
        let others = [
            ("requests once inside", "\(manners.fewestRequests) to \(manners.mostRequests)"),
            ("time to think, median", seconds(manners.thinkMedianSeconds)),
            ("four in five wait", "≥ \(seconds(manners.toleratedWaitSeconds))"),
            ("never come back", Format.percent(manners.noShowShare)),
            ("refresh by hand", Format.percent(manners.eagerShare)),
            ("tries after an error", Format.count(manners.mostRetries)),
        ]
        return (run + waves + (classes.isEmpty ? others : classes)).map { RunReport.Fact(name: $0.0, value: $0.1) }
    }
}

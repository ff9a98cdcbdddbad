import Foundation
import Primitives
import Testing

@testable import onsale

extension ProgressView {
    /// `paint`, where something must come of it.
    fileprivate mutating func painted(_ state: ProgressState, now: Instant) throws -> String {
        let text = self.paint(state, now: now)
        return try #require(text)
    }
}

@Suite struct TerminalTests {
    static func state() throws -> ProgressState {
        let scenario = Scenario(visitors: 300, durationSeconds: 20, seed: 5)
        var sale = try ProxiedSale(try Crowd(scenario), plan: SitePlan(scenario))
        sale.play()
        var gauges = Gauges(waiting: 9_312, inside: 412)
        gauges.workersReady = 4
        gauges.workersDesired = 6
        gauges.limitPerSecond = 120
        return ProgressState(
            label: "through Sluice",
            scenario: scenario,
            elapsedSeconds: 12,
            timeline: sale.evidence.timeline,
            gauges: gauges
        )
    }

    static func visible(_ line: String) -> String { line.replacing(/\u{1B}\[[0-9;]*[A-Za-z]/, with: "") }

    @Test(arguments: [40, 60, 80, 120, 300])
    func lines_onATerminal_fitItsWidth(width: Int) throws {
        var state = try Self.state()
        for kind in ErrorKind.allCases { state.counts.errors[kind] = 1_000_000 }
        let view = ProgressView(isTerminal: true, isColoured: true, width: width)
        let lines = view.lines(state)
        #expect(lines.count == 7)
        for line in lines.dropFirst() { #expect(Self.visible(line).count <= max(width, 48), "\(Self.visible(line))") }
    }

    /// However wide the terminal, the bar of the first line ends where those below it do.
    @Test(arguments: [110, 200, 400])
    func lines_onAWideTerminal_endTogether(width: Int) throws {
        let view = ProgressView(isTerminal: true, isColoured: true, width: width)
        let lines = view.lines(try Self.state()).map { Self.visible($0).count }
        let rows = lines[1...5]
        #expect(Set(rows).count == 1 && abs(lines[0] - (rows.first ?? 0)) <= 2, "\(lines)")
    }

    @Test(arguments: [40, 80, 200])
    func prose_onATerminal_fitsIt(columns: Int) {
        let text =
            "fault at 9 s: a worker is killed; until 10 s after it, these need not hold: "
            + (0..<12).map { "\"promise number \($0)\"" }.joined(separator: ", ")
        let lines = Wrap.prose(text, columns: columns)
        #expect(lines.count > 1 && lines.allSatisfy { $0.count <= columns && $0.count <= Wrap.longestProse })
        #expect(lines[0].hasPrefix("  fault") && lines.dropFirst().allSatisfy { $0.hasPrefix("      ") })
        #expect(lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ") == text)
    }

    @Test func paint_onATerminal_redrawsInPlaceTenTimesASecond() throws {
        let state = try Self.state()
        var view = ProgressView(isTerminal: true, isColoured: true)
        let now = Instant(nanoseconds: 1_000_000_000)
        let first = try view.painted(state, now: now)
        #expect(!first.contains("\u{1B}[7A"))
        #expect(view.paint(state, now: now.advanced(byNanoseconds: 99_000_000)) == nil)
        let second = try view.painted(state, now: now.advanced(byNanoseconds: 100_000_000))
        #expect(second.hasPrefix("\u{1B}[7A"))
        #expect(view.paint(state, now: now.advanced(byNanoseconds: 100_000_001), isLast: true) != nil)
    }

    @Test func paint_elsewhere_isOnePlainLineInFiveSeconds() throws {
        let state = try Self.state()
        var view = ProgressView(isTerminal: false, isColoured: true)
        let now = Instant(nanoseconds: 1_000_000_000)
        let line = try view.painted(state, now: now)
        #expect(line.hasSuffix("\n") && line.count { $0 == "\n" } == 1 && !line.contains("\u{1B}"))
        #expect(view.paint(state, now: now.advanced(byNanoseconds: 4_900_000_000)) == nil)
        #expect(view.paint(state, now: now.advanced(byNanoseconds: 5_000_000_000)) != nil)
    }

    @Test func sparkline_values_riseFromTheLowestBarToTheHighest() {
        #expect(Sparkline.draw([0, 1, 2, 3, 4, 5, 6, 7, 8], width: 9) == "▁▁▂▃▄▅▆▇█")
        #expect(Sparkline.draw([1], width: 4) == "   █")
        #expect(Sparkline.draw([0, 0], width: 2) == "▁▁")
        #expect(Sparkline.draw([5, 9], width: 2, highest: 5) == "██")
        #expect(Sparkline.draw([], width: 0) == "")
        #expect(Sparkline.draw([1, 2, 3], width: 2, highest: 3) == "▆█")
    }
}

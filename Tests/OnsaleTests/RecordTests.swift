import Foundation
import Primitives
import Testing

@testable import onsale

@Suite struct RecordTests {
    static let moment: Int64 = 971_211_336_000_000

    @Test(
        arguments: [
            (
                #"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#,
                LogLine(micros: 971_211_336_000_000, visitor: "127.0.0.1 ")
            ),
            (
                #"::1 - - [10/Oct/2000:22:55:36 +0200] "GET / HTTP/1.1" 200 26 "http://a/\"b\"" "Mozilla/5.0 [en]""#,
                LogLine(micros: 971_211_336_000_000, visitor: "::1 Mozilla/5.0 [en]")
            ),
            (
                #"shop.example:443 10.1.2.3 - - [10/Oct/2000:20:55:36 +0000] "-" 408 0 "-" "-""#,
                LogLine(micros: 971_211_336_000_000, visitor: "10.1.2.3 -")
            ),
            (
                #"Feb  6 12:14:14 edge haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in "#
                    + #"static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1""#,
                LogLine(micros: 1_233_922_454_655_000, visitor: "10.0.1.2")
            ),
            (
                #"fe80::1:33317 [29/Feb/2024:23:59:59.000] in b/s 1/2/3/4/5 200 1 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#,
                LogLine(micros: 1_709_251_199_000_000, visitor: "fe80::1")
            ),
            (
                #"{"n":12,"id":"1700000000000-0","kind":"exchange","t":1700000000000000,"g":"7:0,8:120"}"#,
                LogLine(micros: 1_700_000_000_000_000, count: 2)
            ),
        ] as [(String, LogLine)]
    )
    func line_ofAKnownKind_saysWhenAndWho(text: String, line: LogLine) throws {
        #expect(try LogLine.parse(text) == line)
    }

    @Test(arguments: [
        "", "   ", "\r", #"{"n":1,"id":"1-0","kind":"limits","t":1700000000000000,"rate_milli":1000}"#,
    ])
    func line_thatTellsOfNoArrival_isNothing(text: String) throws { #expect(try LogLine.parse(text) == nil) }

    @Test(arguments: [
        "hello", "[]", "{", #"{"kind":"exchange"}"#, #"{"kind":"exchange","t":5,"g":""}"#,
        #"{"kind":"exchange","t":-5,"g":"1:0"}"#,
        #"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700]"#, #"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /"#,
        #"127.0.0.1 - - [31/Feb/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5"#,
        #"127.0.0.1 - - [10/Okt/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5"#,
        #"127.0.0.1 - - [10/Oct/2000:24:55:36 -0700] "GET / HTTP/1.0" 200 5"#,
        #"- [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5"#,
        #"[10/Oct/2000:13:55:36.000] "GET / HTTP/1.0" 200 5"#,
    ])
    func line_thatIsDamaged_isRefused(text: String) {
        #expect(throws: LogLine.Problem.damaged) { try LogLine.parse(text) }
    }

    static func line(_ second: Int, _ address: String) -> String {
        let clock = String(format: "%02d:%02d:%02d", 20 + second / 3_600, second / 60 % 60, second % 60)
        return "\(address) - - [10/Oct/2000:\(clock) +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"a\""
    }

    @Test func trace_ofLinesInAnyOrder_countsEachVisitorOnce() throws {
        let lines = [(9, "a"), (5, "b"), (4, "a"), (5, "c"), (5, "b"), (8, "b")].map { Self.line($0.0, $0.1) }
        for order in [lines, lines.reversed(), lines.sorted()] {
            var trace = ArrivalTrace(counting: .visitors)
            for line in order { try trace.take(line) }
            #expect(try trace.arrivals() == [1, 2])
            var requests = ArrivalTrace(counting: .requests)
            for line in order { try requests.take(line) }
            #expect(try requests.arrivals() == [1, 3, 0, 0, 1, 1])
            #expect(requests.arrivalLines == 6 && requests.damage.count == 0 && requests.damage.first == nil)
        }
    }

    @Test func trace_ofAJournal_countsWhoWasLetIn() throws {
        var trace = ArrivalTrace(counting: .visitors)
        for (second, group) in [(1_700_000_000, "1:0,2:0"), (1_700_000_002, "3:10")] {
            try trace.take(#"{"n":1,"id":"1-0","kind":"exchange","t":\#(second)000000,"g":"\#(group)"}"#)
        }
        #expect(try trace.arrivals() == [2, 0, 1])
        #expect(ArrivalTrace.csv(try trace.arrivals()) == "seconds,arrivals\n0,2\n0.5,2\n1.5,0\n2.5,1\n3,1\n")
    }

    /// Played again, as many come as came.
    @Test func trace_readAsAScenariosRates_hasTheSamePeople() throws {
        for arrivals in [[5], [2, 0, 1], [0, 7, 100, 3, 0, 0, 12]] {
            let table = try RateTable(Array(ArrivalTrace.csv(arrivals).utf8))
            let people = zip(table.points, table.points.dropFirst()).reduce(0) { sum, part in
                sum + (part.1.seconds - part.0.seconds) * (part.0.ratePerSecond + part.1.ratePerSecond) / 2
            }
            #expect(abs(people - Double(arrivals.reduce(0, +))) < 1e-9)
            #expect(table.points.last?.seconds == Double(arrivals.count))
        }
    }

    @Test func trace_withDamagedLines_countsThemAndNamesTheFirst() throws {
        var trace = ArrivalTrace(counting: .requests)
        let longLine = Self.line(3, String(repeating: "x", count: LogLine.longestLine))
        for line in [Self.line(1, "a"), "", "rubbish", Self.line(2, "b"), longLine] { try trace.take(line) }
        #expect(trace.damage.lines == 5 && trace.damage.count == 2 && trace.damage.first == 3)
        #expect(try trace.arrivals() == [1, 1])
    }

    /// The same rule for `record` and for the log of a scenario: ten of any log, a tenth of a long one.
    @Test(arguments: [(10, 5, true), (11, 5, false), (11, 99, true), (12, 99, false), (100, 900, true)])
    func log_withDamagedLines_isReadUpToAShare(damaged: Int, sound: Int, isRead: Bool) throws {
        let rubbish = (0..<damaged).map { "rubbish \($0)" }
        let lines = [Self.line(1, "a")] + rubbish + (1..<sound).map { Self.line(1, "a\($0)") }
        var trace = ArrivalTrace(counting: .requests)
        for line in lines { try trace.take(line) }
        let log = Array(lines.joined(separator: "\n").utf8)
        let refusal = "\(damaged) of \(damaged + sound) lines are damaged, the first is line 2: at most 10\u{A0}%"
        if isRead {
            #expect(try trace.arrivals() == [sound])
            let log = try AccessLog(log, counting: .requests)
            let remark = "\(damaged) damaged lines left out, the first is line 2"
            #expect(log.counts == [sound] && log.damage.remark == remark && trace.damage.remark == remark)
        } else {
            #expect { try trace.arrivals() } throws: { "\($0)".contains(refusal) }
            let problem = try #require(throws: AccessLog.Malformed.self) { try AccessLog(log, counting: .requests) }
            #expect(problem.description.contains(refusal), "\(problem)")
        }
    }

    /// Whatever a log holds, it is read or left out.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func log_thatIsDamaged_neverTraps(seed: UInt64) {
        var draw = SplitMix64(seed: seed)
        let lines = [
            Self.line(3, "10.0.0.1"), #"{"kind":"exchange","t":1700000000000000,"g":"1:0,2:0"}"#,
            #"haproxy[1]: 10.0.0.1:99 [06/Feb/2009:12:14:14.655] f b/s 1/2/3/4/5 200 12 - - ---- 1/1/1/1/0 0/0 "GET / H""#,
        ].map { Array($0.utf8) }
        let absurd = ["9223372036854775807", "-1", "1e300", "9999", "0000", "99", "[", "]", "\"", "\u{301}"]
        var traces = ArrivalTrace.Counting.allCases.map { ArrivalTrace(counting: $0) }
        for _ in 0..<3_000 {
            var line = lines[draw.drawInteger(0...2)]
            for _ in 0..<draw.drawInteger(1...3) {
                let place = draw.drawInteger(0...(line.count - 1))
                let end = min(line.count, place + draw.drawInteger(0...6))
                line.replaceSubrange(place..<end, with: absurd[draw.drawInteger(0...(absurd.count - 1))].utf8)
            }
            for index in traces.indices { try? traces[index].take(String(decoding: line, as: UTF8.self)) }
            _ = try? AccessLog(line + [0x0A] + lines[0], counting: .clients)
        }
        for trace in traces { _ = try? trace.arrivals() }
    }

    @Test func trace_withAWindow_leavesOutTheRest() throws {
        let start: Int64 = 971_208_000_000_000
        var trace = ArrivalTrace(counting: .requests, window: (start + 2_000_000)..<(start + 4_000_000))
        for second in 0..<6 { try trace.take(Self.line(second, "a")) }
        #expect(trace.outside == 4)
        #expect(try trace.arrivals() == [1, 1])
    }

    @Test func trace_ofNothing_orOfMoreThanADay_isRefused() throws {
        #expect(throws: ArrivalTrace.Problem.empty) { try ArrivalTrace(counting: .visitors).arrivals() }
        var trace = ArrivalTrace(counting: .requests)
        for second in [1, 86_401] {
            try trace.take(#"{"kind":"exchange","t":\#(second)000000,"g":"1:0"}"#)
        }
        #expect(throws: ArrivalTrace.Problem.tooLong(seconds: 86_401)) { try trace.arrivals() }
    }

    @Test func scanner_ofAnyFile_givesEachLineOnce() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        // Longer than what is read at once, and without an end.
        let lines = (0..<40_000).map { "line \($0) ü" } + [String(repeating: "y", count: 300_000), "", "last"]
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        var scanner = try LineScanner(path)
        var found: [String] = []
        while let line = try scanner.next() { found.append(line) }
        #expect(found == lines)
        #expect(throws: PlayProblem.self) { try Self.open(path + ".none") }
    }

    @Test func logThatIsCompressed_isToldWithTheWayToReadIt() throws {
        let folder = try RunPartsTests.Folder()
        let path = "\(folder.path)/access.log.gz"
        try Data([0x1F, 0x8B, 8, 0, 10, 10]).write(to: URL(fileURLWithPath: path))
        let problem = try #require(throws: PlayProblem.self) {
            var scanner = try LineScanner(path)
            _ = try scanner.next()
        }
        #expect(problem.description.contains("zcat LOG | onsale record -"), "\(problem)")
    }

    private static func open(_ path: String) throws { _ = try LineScanner(path) }
}

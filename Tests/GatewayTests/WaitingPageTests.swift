import Foundation
import Primitives
import TestKit
import Testing

@testable import Gateway

@Suite struct WaitingPageTests {
    /// The whole answer for a position, as text.
    private func answer(
        _ position: WaitingPosition,
        isJSON: Bool = false,
        title: String = "Tickets",
        method: String = "GET",
        claimWindow: String = "5m"
    ) throws -> String {
        let fixture = try LoopFixture()
        defer { try? fixture.end() }
        let quoted = title.replacingOccurrences(of: "'", with: "''")
        let yaml = """
            pools: {web: {driver: static, workers: [127.0.0.1:1]}}
            rooms: {sale: {slots: 1, inflow: 1/s, claim_window: \(claimWindow), title: '\(quoted)'}}
            routes: [{path: /, pool: web, room: sale}]

            """
        return try fixture.run {
            let rig = try EdgeRig(fixture, yaml: yaml)
            let session = try rig.makeSession("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            var writer = ByteWriter(fixture.loop.writeScratch)
            let gate = rig.edge.gates["sale"]!
            _ = gate.page.write(position, isJSON: isJSON, for: session, staysOpen: true, to: &writer)
            return String(decoding: writer.written, as: UTF8.self)
        }
    }

    private static let waiting = WaitingPosition(
        state: .waiting,
        number: 1_234_567,
        ahead: 41,
        waiting: 99,
        estimateSeconds: 60...180,
        refreshSeconds: 7
    )

    private static let states: [WaitingPosition] = [
        waiting,
        WaitingPosition(
            state: .waiting,
            number: 4_294_967_295,
            ahead: 4_294_967_294,
            waiting: 4_294_967_295,
            refreshSeconds: 20
        ),
        WaitingPosition(
            state: .waiting,
            number: 1,
            estimateSeconds: 0...1,
            refreshSeconds: 1,
            opensInSeconds: 86_400 * 300
        ),
        WaitingPosition(state: .atDoor, number: 12, refreshSeconds: 1),
        WaitingPosition(state: .joining, refreshSeconds: 3),
    ]

    private static func body(_ answer: String) -> String {
        answer.range(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
    }

    private static func field(_ name: String, _ answer: String) -> String? {
        answer.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name + ": ") }.map {
            String($0.dropFirst(name.count + 2))
        }
    }

    @Test func html_titleWithMarkup_isText() throws {
        let answer = try self.answer(Self.waiting, title: "Rock & <script>alert('\"')</script>")
        #expect(answer.contains("<h1>Rock &amp; &lt;script&gt;alert(&#39;&quot;&#39;)&lt;/script&gt;</h1>"))
        #expect(!answer.contains("<script"))
    }

    /// The first window of a fresh TCP connection: the page is there after one round trip.
    @Test func everyState_fitsOneWindowAndSaysItsLength() throws {
        for position in Self.states {
            for isJSON in [false, true] {
                let answer = try self.answer(position, isJSON: isJSON, title: String(repeating: "&", count: 200))
                #expect(answer.utf8.count < 14_600)
                #expect(Self.field("content-length", answer) == "\(Self.body(answer).utf8.count)")
                #expect(Self.field("retry-after", answer) == "\(position.refreshSeconds)")
                #expect(Self.field("cache-control", answer) == "no-store")
                #expect(Self.field("vary", answer) == "Accept")
            }
        }
    }

    /// Every element that is opened is closed, in order.
    @Test func html_everyState_isWellFormed() throws {
        for position in Self.states {
            let body = Self.body(try self.answer(position))
            #expect(body.hasPrefix("<!doctype html>"))
            var open: [String] = []
            for tag in body.matches(of: /<(\/?)([a-z0-9]+)[^>]*>/) {
                let name = String(tag.2)
                if tag.1 == "/" {
                    #expect(open.popLast() == name)
                } else if name != "meta" {
                    open.append(name)
                }
            }
            #expect(open.isEmpty)
            #expect(body.contains("<meta http-equiv=\"refresh\" content=\"\(position.refreshSeconds)\">"))
        }
    }

    @Test func json_everyState_parses() throws {
        struct Page: Decodable {
            let state, room: String
            let number, position, waiting: Int64?
            let estimate_seconds: [Int64]?
            let refresh_seconds, opens_in_seconds: Int64
        }
        for position in Self.states {
            let body = Self.body(try self.answer(position, isJSON: true))
            let page = try JSONDecoder().decode(Page.self, from: Data(body.utf8))
            #expect(page.room == "sale")
            #expect(page.number == position.number)
            #expect(page.position == position.number.map { _ in position.ahead + 1 })
            #expect(page.estimate_seconds == position.estimateSeconds.map { [$0.lowerBound, $0.upperBound] })
            #expect(page.refresh_seconds == position.refreshSeconds)
            #expect(page.opens_in_seconds == position.opensInSeconds)
        }
    }

    @Test func methods_readsGet200OthersGet429() throws {
        #expect(try self.answer(Self.waiting).hasPrefix("HTTP/1.1 200 OK\r\n"))
        let head = try self.answer(Self.waiting, method: "HEAD")
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && Self.body(head).isEmpty)
        #expect(Self.field("content-length", head) != "0")
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            #expect(try self.answer(Self.waiting, method: method).hasPrefix("HTTP/1.1 429 Too Many Requests\r\n"))
        }
    }

    @Test func estimate_inWords_isARange() throws {
        func text(_ range: ClosedRange<Int64>?) throws -> String {
            var position = Self.waiting
            position.estimateSeconds = range
            return try self.answer(position)
        }
        #expect(try text(20...60).contains("about 20 to 60 seconds."))
        #expect(try text(120...300).contains("about 2 to 5 minutes."))
        #expect(try text(30...300).contains("about 1 to 5 minutes."))
        #expect(try text(7_200...14_400).contains("about 120 to 240 minutes."))
        #expect(try text(nil).contains("not known yet"))
    }

    /// Both ends of a range are told in one unit, or with a unit each.
    @Test func estimate_oneUnitForBothEnds() throws {
        for range in [60...120, 120...125, 3_600...3_605, 90...91, 80...100] as [ClosedRange<Int64>] {
            var position = Self.waiting
            position.estimateSeconds = range
            let answer = try self.answer(position)
            let match = try #require(answer.firstMatch(of: /about (\d+) to (\d+) ([a-z]+)\./))
            let factor: Int64 = match.3.hasPrefix("second") ? 1 : match.3.hasPrefix("minute") ? 60 : 3_600
            let told = (Int64(match.1)! * factor, Int64(match.2)! * factor)
            #expect(told.0 <= told.1, "\(range) is told as \(match.0)")
            #expect(told.0 <= range.upperBound && told.1 >= range.lowerBound, "\(range) is told as \(match.0)")
        }
    }

    @Test func claimWindow_inWords() throws {
        #expect(try self.answer(Self.waiting, claimWindow: "1m").contains("kept for a minute"))
        #expect(try self.answer(Self.waiting, claimWindow: "90s").contains("kept for 2 minutes"))
    }
}

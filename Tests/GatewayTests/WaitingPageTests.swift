import Foundation
import Primitives
import Rooms
import Settings
import Testing

@testable import Gateway

@Suite struct WaitingPageTests {
    /// The page for a position as it goes out: its fields, a blank line, its body.
    private func page(
        _ position: WaitingPosition,
        isJSON: Bool = false,
        title: String = "Tickets",
        claimWindowSeconds: Int64 = 300
    ) -> String {
        var room = RoomSettings(name: "sale", slots: 1, inflowMilli: 1_000)
        room.title = title
        room.claimWindowMicros = claimWindowSeconds * 1_000_000
        let page = WaitingPage(room: room)
        return withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { memory in
            var writer = ByteWriter(memory)
            page.writeFields(position, isJSON: isJSON, to: &writer)
            writer.append("\r\n")
            page.writeBody(position, isJSON: isJSON, to: &writer)
            #expect(!writer.overflowed)
            return String(decoding: writer.written, as: UTF8.self)
        }
    }

    /// A mark that combines with a sign makes one Character of both.
    @Test func title_withAMarkBehindASign_isEscaped() {
        let page = self.page(Self.waiting, title: "A <\u{301}script>\u{301} \"\u{301}&\u{301}")
        #expect(page.contains("A &lt;\u{301}script&gt;\u{301} &quot;\u{301}&amp;\u{301}"))
    }

    private static let waiting = WaitingPosition(
        state: .waiting,
        number: 1_234_567,
        ahead: 41,
        waiting: 99,
        estimateSeconds: 60...180,
        refreshSeconds: 7
    )

    /// By a gateway that has just started, while the shared state is away.
    private static let unknown = WaitingPosition(
        state: .waiting,
        number: 31,
        isKnown: false,
        ahead: 30,
        waiting: 40,
        refreshSeconds: 4,
        mode: .degraded(sinceMicros: 1)
    )

    private static let states: [WaitingPosition] =
        [
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
            unknown,
        ]
        + [RoomMode.degraded(sinceMicros: 1), .held].flatMap { mode in
            [
                WaitingPosition(
                    state: .waiting,
                    number: 4_294_967_295,
                    ahead: 4_294_967_294,
                    waiting: 4_294_967_295,
                    estimateSeconds: 60...180,
                    refreshSeconds: 20,
                    opensInSeconds: 86_400 * 300,
                    mode: mode
                ), WaitingPosition(state: .atDoor, number: 12, refreshSeconds: 1, mode: mode),
                WaitingPosition(state: .joining, refreshSeconds: 3, mode: mode),
            ]
        }

    private static func body(_ page: String) -> String {
        page.range(of: "\r\n\r\n").map { String(page[$0.upperBound...]) } ?? ""
    }

    private static func field(_ name: String, _ page: String) -> String? {
        page.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name + ": ") }.map {
            String($0.dropFirst(name.count + 2))
        }
    }

    @Test func html_titleWithMarkup_isText() throws {
        let page = self.page(Self.waiting, title: "Rock & <script>alert('\"')</script>")
        #expect(page.contains("<h1>Rock &amp; &lt;script&gt;alert(&#39;&quot;&#39;)&lt;/script&gt;</h1>"))
        #expect(!page.contains("<script"))
    }

    /// The first window of a fresh TCP connection: the page is there after one round trip.
    @Test func everyState_fitsOneWindow() throws {
        for position in Self.states {
            for isJSON in [false, true] {
                let page = self.page(position, isJSON: isJSON, title: String(repeating: "&", count: 200))
                #expect(page.utf8.count < 14_600)
                #expect(Self.field("retry-after", page) == "\(position.refreshSeconds)")
                #expect(Self.field("cache-control", page) == "no-store")
                #expect(Self.field("vary", page) == "Accept")
            }
        }
    }

    @Test func page_lineIsNotKnown_tellsNoPosition() {
        let page = Self.body(self.page(Self.unknown))
        #expect(page.contains("Where you stand is not known yet") && page.contains("Your place is kept"))
        #expect(!page.contains("31") && !page.contains("Your position"))
        #expect(Self.body(self.page(Self.unknown, isJSON: true)).contains("\"number\":31,\"position\":null"))
    }

    /// Every element that is opened is closed, in order.
    @Test func html_everyState_isWellFormed() throws {
        for position in Self.states {
            let body = Self.body(self.page(position))
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
            let mode: String
            let estimate_is_frozen: Bool
        }
        for position in Self.states {
            let body = Self.body(self.page(position, isJSON: true))
            let page = try JSONDecoder().decode(Page.self, from: Data(body.utf8))
            #expect(page.room == "sale")
            #expect(page.number == position.number)
            #expect(page.position == (position.isKnown ? position.number.map { _ in position.ahead + 1 } : nil))
            #expect(page.estimate_seconds == position.estimateSeconds.map { [$0.lowerBound, $0.upperBound] })
            #expect(page.refresh_seconds == position.refreshSeconds)
            #expect(page.opens_in_seconds == position.opensInSeconds)
            #expect(page.mode == "\(position.mode.word)" && page.estimate_is_frozen == (page.mode != "normal"))
        }
    }

    /// Nobody is promised what is not going to happen while nobody is let in.
    @Test func everyMode_isToldAsItIs() throws {
        var position = Self.waiting
        #expect(Self.field("sluice-mode", self.page(position)) == nil)
        #expect(self.page(position).contains("It is your turn in about"))
        let modes: [(RoomMode, String, String)] = [
            (.degraded(sinceMicros: 5), "degraded; redis-away", "the waiting room itself is out of order"),
            (.held, "held; no-healthy-worker", "the service behind this page is not ready"),
        ]
        for (mode, field, words) in modes {
            position.mode = mode
            for state in [WaitingPosition.State.waiting, .atDoor, .joining] {
                position.state = state
                let page = self.page(position)
                #expect(Self.field("sluice-mode", page) == field)
                #expect(!page.contains("It is your turn in") && !page.contains("You are about to get"))
                #expect(!page.contains("as soon as there is room"))
                #expect(page.contains(words))
            }
            position.state = .waiting
            #expect(
                self.page(position).contains("Your place is kept") && self.page(position).contains("Counted from then")
            )
        }
    }

    /// Seen before: "No place in line can be given to you", and below it that closing the page does not cost the place.
    @Test func everyState_promisesAPlaceOnlyToWhomHasOne() {
        for position in Self.states {
            let page = self.page(position)
            let hasPlace = position.state != .joining
            #expect(page.contains("does not cost you your place") == hasPlace)
            #expect(page.contains("kept for 5 minutes") == hasPlace)
            #expect(page.contains("You have no place in line yet") == !hasPlace)
            #expect(page.contains("You have none yet that closing it could keep") == !hasPlace)
        }
    }

    @Test func estimate_inWords_isARange() throws {
        func text(_ range: ClosedRange<Int64>?) throws -> String {
            var position = Self.waiting
            position.estimateSeconds = range
            return self.page(position)
        }
        #expect(try text(20...60).contains("about 20 to 60 seconds."))
        #expect(try text(120...300).contains("about 2 to 5 minutes."))
        #expect(try text(30...300).contains("about 1 to 5 minutes."))
        #expect(try text(7_200...14_400).contains("about 120 to 240 minutes."))
        // Told as "120 to 2 minutes" before.
        #expect(try text(120...120).contains("in about 2 minutes."))
        #expect(try text(7_200...7_200).contains("in about 120 minutes."))
        #expect(try text(nil).contains("not known yet"))
    }

    /// Both ends of a range are told in one unit, or with a unit each.
    @Test func estimate_oneUnitForBothEnds() throws {
        for range in [60...120, 120...125, 3_600...3_605, 90...91, 80...100] as [ClosedRange<Int64>] {
            var position = Self.waiting
            position.estimateSeconds = range
            let page = self.page(position)
            let match = try #require(page.firstMatch(of: /about (\d+) to (\d+) ([a-z]+)\./))
            let factor: Int64 = match.3.hasPrefix("second") ? 1 : match.3.hasPrefix("minute") ? 60 : 3_600
            let told = (Int64(match.1)! * factor, Int64(match.2)! * factor)
            #expect(told.0 <= told.1, "\(range) is told as \(match.0)")
            #expect(told.0 <= range.upperBound && told.1 >= range.lowerBound, "\(range) is told as \(match.0)")
        }
    }

    /// A crowd that is refused in one second must not come back in one.
    @Test func refusals_areSpread() {
        var told: Set<String> = []
        for random in 0..<100 as Range<UInt64> {
            withUnsafeTemporaryAllocation(byteCount: 1_024, alignment: 16) { memory in
                var writer = ByteWriter(memory)
                GatewayError.joinsFull.writeFields(to: &writer, random: random)
                told.insert(Self.field("retry-after", String(decoding: writer.written, as: UTF8.self)) ?? "none")
            }
        }
        #expect(told == ["2", "3", "4", "5"])
    }

    @Test func opening_inWords() {
        for (seconds, words) in [
            (1, "1 second"), (89, "89 seconds"), (90, "2 minutes"), (5_400, "2 hours"), (172_799, "48 hours"),
            (172_800, "2 days"), (86_400 * 300, "300 days"),
        ] as [(Int64, String)] {
            let position = WaitingPosition(state: .waiting, number: 1, refreshSeconds: 1, opensInSeconds: seconds)
            #expect(self.page(position).contains("Opens in \(words)."))
        }
    }

    @Test func claimWindow_inWords() throws {
        for (seconds, words) in [
            (1, "1 second"), (10, "10 seconds"), (90, "90 seconds"), (179, "2 minutes"), (300, "5 minutes"),
            (7_199, "119 minutes"), (86_400, "24 hours"),
        ] as [(Int64, String)] {
            #expect(self.page(Self.waiting, claimWindowSeconds: seconds).contains("kept for \(words)."))
        }
    }
}

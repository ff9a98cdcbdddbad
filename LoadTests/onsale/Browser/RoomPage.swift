import Admission
import Foundation
import Primitives

/// What a page says of a waiting room, Sluice's or another one's: told to wait, or in.
///
/// Sluice's says it in a field, and the rest as JSON or in the words of its HTML page. Any other room is known by a
/// page of HTML that asks to be loaded again after some time: a `Refresh` field, a `<meta http-equiv="refresh">` of the
/// same address, or, but for a 503, a `Retry-After` in seconds; with a status of 200, 429 or 503.
struct RoomPage: Equatable, Sendable {
    /// Longer than this no page of a room asks to wait: a page that refreshes itself so rarely is a page.
    static let longestRefreshSeconds: Int64 = 300

    var standing: Response.Standing
    /// Of who is outside.
    var page: WaitingPage?
    var retryAfterSeconds: Int64?

    /// nil when no room has a say in the response.
    /// - Parameters:
    ///   - isThePage: the body holds what the step looks for: then it is no page of a room, whatever else it says.
    ///   - url: where the response came from.
    init?(_ response: PageResponse, isThePage: Bool, url: SiteURL) {
        let retryAfter = response.value(of: "retry-after").flatMap { Int64($0) }
        self.retryAfterSeconds = retryAfter
        if var state = response.value(of: "sluice-state") {
            self.standing = state.withUTF8 { Response.Standing(headerValue: UnsafeRawBufferPointer($0)) }
            if self.standing.isOutside { self.page = Self.sluice(response, url: url) }
            return
        }
        guard !isThePage, response.isHTML, [200, 429, 503].contains(response.status) else { return nil }
        let refresh = Self.refreshSeconds(response, url: url)
        // Whatever is overloaded says "try again later": with a 5xx and nothing else that is an error.
        guard let seconds = refresh ?? (response.status < 500 ? retryAfter : nil),
            (1...Self.longestRefreshSeconds).contains(seconds)
        else {
            return nil
        }
        self.standing = .waiting
        self.page = WaitingPage(number: nil, refreshSeconds: seconds)
        self.retryAfterSeconds = retryAfter ?? seconds
    }

    // MARK: When to come again

    /// The time that a page names until it is to be loaded again, under the same address.
    private static func refreshSeconds(_ response: PageResponse, url: SiteURL) -> Int64? {
        guard let text = response.value(of: "refresh") ?? HTMLTags.refresh(of: response.body) else { return nil }
        // By bytes: a mark that combines with the sign before it would hide it.
        let parts = text.utf8.split(maxSplits: 1, omittingEmptySubsequences: false) {
            $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ",")
        }
        guard let first = parts.first, let seconds = Double(Substring(first).trimmingCharacters(in: .whitespaces)),
            seconds.isFinite, (0...86_400).contains(seconds)
        else { return nil }
        if parts.count > 1, let equals = parts[1].firstIndex(of: UInt8(ascii: "=")) {
            let link = Substring(parts[1][parts[1].index(after: equals)...]).trimmingCharacters(
                in: CharacterSet(charactersIn: " '\"")
            )
            // To another page: a redirect in the guise of a refresh.
            guard let there = url.following(link), there.isSameOrigin(as: url), there.path == url.path else {
                return nil
            }
        }
        return Int64(seconds.rounded(.up))
    }

    // MARK: Sluice's own pages

    private static func sluice(_ response: PageResponse, url: SiteURL) -> WaitingPage? {
        guard response.isHTML else { return response.body.withUnsafeBytes { WaitingPage(json: $0) } }
        guard let seconds = Self.refreshSeconds(response, url: url) else { return nil }
        var page = WaitingPage(number: nil, refreshSeconds: seconds)
        // An operator may have a page of their own made: what is not found was not told.
        let text = response.text
        page.position = Self.number(text, /class="position">(\d+)</) ?? 0
        page.estimateSeconds = Self.estimate(text)
        if let match = text.firstMatch(of: /Opens in (\d+) (second|minute|hour|day)/), let count = Int64(match.1),
            count < 1_000_000
        {
            page.opensInSeconds = count * Self.seconds(String(match.2))
        }
        return page
    }

    private static func number(_ text: String, _ pattern: Regex<(Substring, Substring)>) -> Int64? {
        text.firstMatch(of: pattern).flatMap { Int64($0.1) }
    }

    /// `in about 20 to 45 seconds`, `in about 2 minutes`.
    private static func estimate(_ text: String) -> ClosedRange<Int64>? {
        guard let match = text.firstMatch(of: /in about (?:(\d+) to )?(\d+) (second|minute|hour)/),
            let high = Int64(match.2), let low = Int64(match.1 ?? match.2), low <= high, high < 1_000_000
        else { return nil }
        let unit = Self.seconds(String(match.3))
        // "1 minute" is said of less, too.
        return (unit > 1 && low == 1 ? 0 : low * unit)...(high * unit)
    }

    private static func seconds(_ unit: String) -> Int64 {
        switch unit {
        case "day": 86_400
        case "hour": 3_600
        case "minute": 60
        default: 1
        }
    }
}

/// A visitor's place in a line of Sluice, as the cookie has it: readable for everybody, though nobody can make one.
struct LinePlace: Hashable, Sendable {
    /// Of several lines, and of the lanes of one, the numbers have nothing to do with each other.
    struct Line: Hashable, Sendable {
        var room: UInt64
        var epoch: UInt32
        var lane: UInt8
    }

    var line: Line
    var number: Int64

    /// nil when there is no such cookie, and when there are several.
    init?(_ cookies: SiteCookies) {
        let values = cookies.values(containing: "sluice-place-")
        guard values.count == 1, let token = AdmissionToken.unchecked(values[0].utf8) else { return nil }
        // The high bit tells that the place is tied to something, not where it is.
        self.line = Line(room: token.room, epoch: token.epoch, lane: token.lane & 0x7F)
        self.number = token.number
    }
}

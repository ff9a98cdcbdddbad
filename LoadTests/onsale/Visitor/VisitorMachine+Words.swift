import Primitives

/// What a visitor's machine says and is told.
extension VisitorMachine {
    enum Action: Equatable, Sendable {
        case none
        /// Open a connection, then call `connected` or `failed`.
        case connect
        /// Send on the open connection, then call `answered` or `failed`.
        case request(Request)
        /// Send on the open connection, and hear nothing more: the visitor's network is gone. Call `timerFired` at that
        /// time; the connection is then of no more use.
        case requestAndVanish(Request, until: Instant)
        /// Call `timerFired` at that time; leave the connection open if it is.
        case wait(until: Instant)
        /// Over: close the connection.
        case leave(Outcome)
    }

    struct Request: Equatable, Sendable {
        let page: Page
        /// Of no other request: the response of a worker ends with it.
        let mark: RequestMark
        /// When a server without queues would have had this request: latency counts from here.
        let due: Instant
    }

    enum Page: Equatable, Sendable {
        case entrance
        case browse(Int)
        /// The page whose response frees the visitor's slot.
        case exit

        var path: StaticString {
            switch self {
            case .entrance: return "/"
            case .browse(let step) where step % 3 == 1: return "/seats"
            case .browse(let step) where step % 3 == 2: return "/basket"
            case .browse: return "/event"
            case .exit: return "/leave"
            }
        }
    }

    enum Outcome: String, CaseIterable, Codable, Sendable {
        /// Got everything they came for.
        case served
        /// Lost patience in line.
        case abandoned
        /// Took a place and never asked again.
        case noShow
        /// Gave up after errors.
        case failed
        /// The run ended first.
        case unfinished
    }

    /// What a response or a failure was, for the books.
    enum Heard: Equatable, Sendable {
        case waitingPage
        /// Called, and sent round for want of a turn.
        case doorPage
        /// The response by which the visitor got in through the room.
        case exchange
        /// A response to someone who is in, or to someone whom no room guards.
        case inside
        case error(ErrorKind)
        /// A refusal to somebody who asks more than anybody is asked to: the site's right.
        case turnedAway
        /// The visitor's own network went away with the request: what became of it, nobody knows.
        case vanished
        /// A kept connection had gone before the request reached anyone; a browser asks again without a word.
        case staleConnection
    }

    struct Reaction: Equatable, Sendable {
        let heard: Heard
        let action: Action
    }
}

import Addresses
import Primitives

extension CloudFleet {
    public enum State: Equatable, Sendable {
        /// Has not been well yet.
        case starting(deadline: Instant)
        case ready
        case draining(since: Instant)
        /// Did not get ready in time, or is well no more.
        case failed
        /// The cloud is to be told to end it.
        case retiring
        /// The cloud has been told.
        case retired(since: Instant)
        /// The cloud ends it.
        case leaving
    }

    public struct Member: Equatable, Sendable {
        public let id: String
        public internal(set) var address: SocketAddress?
        public internal(set) var state: State
        public let startedAt: Instant
        public let startedMicros: Int64
        /// Questions in a row that it did not answer well, since it became ready.
        var failedProbes = 0
        var hasBeenReady = false
        var hasBeenAsked = false
        /// It is known when its start began.
        var isTimed = true
        /// It failed, or somebody wants it gone: it is not taken back.
        var isDismissed = false
        /// An operator wants it gone, however it does.
        var isWantedGone = false
        /// How often the cloud has refused to end it, or has been told to and went on with it.
        var refusals = 0
        /// When the cloud was told first to end it, of one that is still listed as running long after.
        public internal(set) var lingersSince: Instant?
        /// How it has answered last, since it was found to linger; nil: it has not been asked.
        var isWellAfterAll: Bool?

        mutating func comesBack(as state: State) {
            self.state = state
            self.isTimed = false
            self.goesOn()
        }

        /// The cloud has not ended it, and goes on with it.
        mutating func lingers(toldAt: Instant) {
            self.state = .retiring
            self.lingersSince = self.lingersSince ?? toldAt
            self.isWellAfterAll = nil
            self.isDismissed = self.isWantedGone
            self.refusals += 1
        }

        /// It lingers, and serves again once it is found well, if it is wanted.
        var mayServeYet: Bool {
            self.lingersSince != nil && !self.isDismissed && self.address != nil && self.isWellAfterAll != false
        }

        /// It is on its way out, or in service: no longer one that ought to have gone.
        mutating func goesOn() {
            self.lingersSince = nil
            self.isWellAfterAll = nil
        }
    }
}

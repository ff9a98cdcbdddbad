import Primitives

/// The configuration of a soak, which changes all the time: limits, a room on a route and off it, a pool that comes and
/// goes with requests in its queue.
struct SoakSite: Equatable, Sendable {
    var inflowPerSecond = 20
    var hasRoomOnRaw = false
    var hasExtraPool = true
    var waitingRequests = 1_000
    var connectionsPerWorker = 64

    mutating func change(using random: inout SplitMix64) {
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1, 2: self.hasExtraPool.toggle()
        case 3: self.hasRoomOnRaw.toggle()
        case 4: self.inflowPerSecond = Int.random(in: 5...60, using: &random)
        default:
            self.waitingRequests = [20, 200, 1_000].randomElement(using: &random)!
            self.connectionsPerWorker = [16, 64].randomElement(using: &random)!
        }
    }

    /// - Parameters:
    ///   - workers: addresses of the well and badly behaved workers.
    ///   - deafWorker: the address of one that accepts nothing.
    func yaml(workers: [String], deafWorker: String) -> String {
        var lines = """
            # Written by onsale for one soak.
            listen:
              - address: 127.0.0.1:0
              - {address: 127.0.0.1:0, tls: self_signed}
            admin: {listen: 127.0.0.1:0}
            state_folder: state
            redis: embedded
            loops: 2
            log: {level: info}
            limits:
              head_timeout: 3s
              body_timeout: 3s
              idle_timeout: 3s
              write_timeout: 5s
              door_timeout: 2s
              waiting_at_door: 500
            pools:
              sample:
                worker: {slots: 8, service_time: 5ms, queue: 200}
                min_workers: 2
                max_workers: 2
                drain_timeout: 3s
                waiting_timeout: 3s
                response_timeout: 3s
              raw:
                driver: static
                worker: {slots: 8}
                workers: [\(workers.joined(separator: ", "))]
                connections_per_worker: \(self.connectionsPerWorker)
                waiting_requests: \(self.waitingRequests)
                waiting_timeout: 2s
                connect_timeout: 500ms
                response_timeout: 1s

            """
        if self.hasExtraPool {
            lines += """
                  extra:
                    driver: static
                    worker: {slots: 1}
                    workers: [\(deafWorker), \(workers[0])]
                    connections_per_worker: 2
                    waiting_timeout: 2s
                    connect_timeout: 300ms
                    response_timeout: 1s

                """
        }
        lines += """
            rooms:
              sale: {slots: 500, inflow: \(self.inflowPerSecond)/s, burst: 10, session_length: 5s, claim_window: 10s}
            routes:
              - {path: /, pool: sample, room: sale}
              - {path: /raw, pool: raw\(self.hasRoomOnRaw ? ", room: sale" : "")}
              - {path: /extra, pool: \(self.hasExtraPool ? "extra" : "raw")}

            """
        return lines
    }
}

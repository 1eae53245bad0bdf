# sidekiq_peer.rb — Sidekiq at its best setting: push_bulk by 1000, one process with 10 threads, no
# retries, the queue of delayed jobs looked at each second, hiredis not used, the unix socket.
# It takes jobs off the list before they run: there is no ack to wait for.
require 'json'
require 'sidekiq'

PAYLOAD_BYTES = 100
CHUNK = 1000
TRICKLE_S = 0.01
SERVE = "require 'sidekiq/cli'; c = Sidekiq::CLI.instance; c.parse(ARGV); c.run" # bin/sidekiq

def mono_us = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
def wall_us = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
def cpu_s = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
def pad(text) = text.to_s.ljust(PAYLOAD_BYTES - 2, 'x')

def say(object)
  $stdout.puts(object.to_json)
  $stdout.flush
end

redis = { path: ENV.fetch('PEER_SOCKET') }
Sidekiq.configure_client { |c| c.redis = redis }
Sidekiq.configure_server do |c|
  c.redis = redis
  c.on(:startup) { say({ ready: true }) }
end
Sidekiq.options[:poll_interval_average] = 1
Sidekiq.logger.level = Logger::ERROR
Redis.silence_deprecations = true # it would print a line for each job that it waits for

class Noop
  include Sidekiq::Worker
  sidekiq_options queue: 'bench', retry: false
  LOCK = Mutex.new
  TALLY = { handled: 0, samples: [] }

  def perform(payload)
    clock = ENV['PEER_CLOCK'].to_s
    sample = (clock == 'mono' ? mono_us : wall_us) - payload.to_i unless clock.empty?
    LOCK.synchronize do
      TALLY[:start], TALLY[:cpu] = mono_us, cpu_s if TALLY[:handled].zero?
      TALLY[:samples] << sample if sample
      TALLY[:handled] += 1
      if TALLY[:handled] == ENV['PEER_COUNT'].to_i
        say({ seconds: (mono_us - TALLY[:start]) / 1e6, cpu: cpu_s - TALLY[:cpu],
              samples: TALLY[:samples] })
      end
    end
  end
end

def bulk(count, over_ms)
  start = mono_us
  (0...count).each_slice(CHUNK) do |slice|
    now = Time.now.to_f
    due = slice.map { |i| over_ms.zero? ? 0 : now + 2 + over_ms * i / count / 1000.0 }
    item = { 'class' => Noop, 'args' => due.map { |t| [pad((t * 1e6).to_i)] } }
    item['at'] = due unless over_ms.zero?
    Sidekiq::Client.push_bulk(item)
  end
  say({ seconds: (mono_us - start) / 1e6 })
end

if $PROGRAM_NAME == __FILE__
  role, count, argument = ARGV
  case role
  when 'enqueue' then bulk(count.to_i, 0)
  when 'delay' then bulk(count.to_i, argument.to_i)
  when 'trickle'
    count.to_i.times do
      sleep(TRICKLE_S)
      Noop.perform_async(pad(mono_us))
    end
  when 'work'
    ENV['PEER_COUNT'] = count
    ENV['PEER_CLOCK'] = argument.to_s
    exec(RbConfig.ruby, '-e', SERVE, '--', '-c', '10', '-q', 'bench', '-r', __FILE__)
  end
end
